package main

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/proxy"
)

// settings are the flags that several subcommands share. A pointer tells a flag
// that was given empty (--admin=) from one that was not given.
type settings struct {
	Config        string   `help:"Configuration file (TOML)." placeholder:"FILE"`
	Listen        []string `help:"Address for clients: host:port, tls://host:port or unix:///path. Repeatable." sep:"none" placeholder:"ADDR"`
	Upstream      *string  `help:"The server: redis://[user:password@]host:port[/db], rediss://… or unix:///path." placeholder:"URL"`
	Admin         *string  `help:"Address of /metrics, /healthz and /readyz; empty turns them off." placeholder:"ADDR"`
	Embedded      bool     `help:"Use an in-memory stand-in for Redis as the upstream, to try things out."`
	RawLua        *string  `help:"Clients' own Lua: deny, vetted, learn or allow." placeholder:"POLICY"`
	Loops         *int     `help:"Event loops; 0 lets the proxy choose." placeholder:"N"`
	ShutdownGrace *string  `help:"How long clients may take to finish after SIGTERM." placeholder:"DURATION"`
	LogFormat     *string  `help:"text or json." placeholder:"FORMAT"`
	LogLevel      *string  `help:"debug, info, warn or error." placeholder:"LEVEL"`
}

// load lays file, environment and flags over the defaults. The error has all
// problems of all three.
func (s *settings) load(env func(string) (string, bool)) (proxy.Config, error) {
	cfg := proxy.NewConfig()
	var all []error
	path := s.Config
	if path == "" {
		path, _ = env("ATOMICPROXY_CONFIG")
	}
	if path != "" {
		all = append(all, proxy.LoadFile(path, &cfg))
	}
	all = append(all, cfg.ApplyEnv(env), s.apply(&cfg))
	return cfg, errors.Join(all...)
}

// validated is load with all checks. Checks run also where something could not
// be read, so that one run shows every problem.
func (s *settings) validated(env func(string) (string, bool)) (proxy.Config, error) {
	cfg, err := s.load(env)
	return cfg, errors.Join(err, cfg.Validate())
}

func (s *settings) apply(cfg *proxy.Config) error {
	var all []error
	set := func(key, flag string, text *string) {
		if text != nil {
			all = append(all, cfg.Set(key, *text, flag))
		}
	}
	if len(s.Listen) > 0 {
		joined := strings.Join(s.Listen, ",")
		set("listen", "--listen", &joined)
	}
	if s.Embedded {
		yes := "true"
		set("embedded", "--embedded", &yes)
	}
	if s.Loops != nil {
		n := strconv.Itoa(*s.Loops)
		set("loops", "--loops", &n)
	}
	set("upstream.url", "--upstream", s.Upstream)
	set("admin", "--admin", s.Admin)
	set("raw_lua", "--raw-lua", s.RawLua)
	set("shutdown_grace", "--shutdown-grace", s.ShutdownGrace)
	set("log.format", "--log-format", s.LogFormat)
	set("log.level", "--log-level", s.LogLevel)
	return errors.Join(all...)
}

// newLogger makes the logger that cfg, which is valid, describes.
func (w *world) newLogger(cfg *proxy.Config) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}[cfg.Log.Level]
	o := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w.stderr, o))
	}
	return slog.New(slog.NewTextHandler(w.stderr, o))
}
