package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

type checkCmd struct {
	settings `embed:""`
	Connect  bool `help:"Also connect to the upstream, authenticate, and ask for its version."`
}

func (c *checkCmd) run(w *world) int {
	cfg, err := c.validated(w.env)
	if err != nil {
		return w.fail(err)
	}
	fmt.Fprint(w.stdout, explain(&cfg))
	if !c.Connect {
		return exitOK
	}
	if cfg.Embedded {
		fmt.Fprintln(w.stdout, "# The upstream is inside the process: nothing to connect to.")
		return exitOK
	}
	said, err := tryUpstream(w.ctx, &cfg)
	if err != nil {
		return w.fail(fmt.Errorf("upstream %s: %w", proxy.RedactURL(cfg.Upstream.URL), err))
	}
	fmt.Fprintf(w.stdout, "# The upstream answers: %s\n", said)
	return exitOK
}

// explain prints cfg, which is valid, as a TOML file: what it means as comments,
// and every setting with its origin.
func explain(cfg *proxy.Config) string {
	var b strings.Builder
	listeners, _ := cfg.Listeners() // validated before
	for _, l := range listeners {
		how := "plain"
		if l.TLS {
			how = "TLS"
		}
		fmt.Fprintf(&b, "# Clients connect to %s (%s, %s).\n", l.Address, l.Network, how)
	}
	fmt.Fprintf(&b, "# %s\n", explainUpstream(cfg))
	fmt.Fprintf(&b, "# %s\n", explainScripts(cfg))
	if cfg.Admin == "" {
		b.WriteString("# No metrics and no health checks are served.\n\n")
	} else {
		fmt.Fprintf(&b, "# Metrics: http://%[1]s/metrics, health: http://%[1]s/healthz and /readyz.\n\n", cfg.Admin)
	}
	for _, s := range cfg.Settings() {
		origin := s.Origin
		if origin == "" {
			origin = "default"
		}
		fmt.Fprintf(&b, "%s = %s # %s\n", s.Key, s.Value, origin)
	}
	return b.String()
}

// explainScripts says whose Lua runs. The catalogue was loaded before, to validate cfg.
func explainScripts(cfg *proxy.Config) string {
	var text string
	switch cfg.RawLua {
	case "deny":
		text = "Clients' own Lua is refused."
	case "vetted":
		n := 0
		if r, err := cfg.Catalogue(); err == nil {
			n = r.Applications()
		}
		text = fmt.Sprintf("Of clients' own Lua, the %d scripts in %s run; all others are refused.", n, cfg.Scripts.ApplicationDir)
	case "learn":
		text = "Clients' own Lua is passed on, and recorded in " + cfg.Scripts.LearnDir + ": whoever can connect can run scripts on the upstream, as far as its ACL lets them."
	default:
		text = "Clients' own Lua is passed on: whoever can connect can run scripts on the upstream, as far as its ACL lets them."
	}
	if cfg.Scripts.Dir != "" {
		text += " Commands of your own come from " + cfg.Scripts.Dir + "."
	}
	return text
}

func explainUpstream(cfg *proxy.Config) string {
	if cfg.Embedded {
		return "The upstream is an in-memory stand-in for Redis; its data ends with the process."
	}
	t, err := cfg.UpstreamTarget()
	if err != nil {
		return "The upstream can't be told: " + err.Error()
	}
	text := "The upstream is " + t.String()
	if t.TLS {
		text += ", over TLS"
	}
	switch {
	case t.Password == "" && t.User == "":
		return text + ", without authentication of the proxy's own."
	case cfg.Upstream.ServeCredentials:
		return text + ". EVERY CLIENT that can reach the proxy acts as the proxy's own user there."
	}
	return text + ". The proxy authenticates its control connection only; clients authenticate as themselves."
}

// tryUpstream connects as the control connection will, and tells what answered.
func tryUpstream(ctx context.Context, cfg *proxy.Config) (string, error) {
	target, err := cfg.UpstreamTarget()
	if err != nil {
		return "", err
	}
	conf, err := cfg.UpstreamTLS()
	if err != nil {
		return "", err
	}
	o := clientOptions(target, 2, cfg.Upstream.DialTimeout)
	o.TLSConfig = conf
	client := redis.NewClient(o)
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*cfg.Upstream.DialTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return "", explainPing(err)
	}
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		// It answers and lets us in, which is what was asked.
		return fmt.Sprintf("yes, but not INFO (%v)", err), nil
	}
	return serverName(info), nil
}

func explainPing(err error) error {
	if strings.HasPrefix(err.Error(), "NOAUTH") {
		return errors.New("it wants a user and a password for the proxy's control connection; without them the proxy serves its clients, and its own commands answer -NOSUPPORT")
	}
	return err
}

// serverName picks the product and its version from INFO's reply.
func serverName(info string) string {
	field := func(name string) string {
		for line := range strings.Lines(info) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
				return v
			}
		}
		return ""
	}
	if v := field("valkey_version"); v != "" {
		return "Valkey " + v
	}
	if v := field("redis_version"); v != "" {
		return "Redis " + v
	}
	return "a server that does not name its version"
}

// clientOptions make go-redis send exactly what it is told, once: it would
// otherwise repeat commands, writes too, and announce itself.
func clientOptions(t proxy.Target, protocol int, timeout time.Duration) *redis.Options {
	return &redis.Options{
		Network: t.Network, Addr: t.Address, Username: t.User, Password: t.Password, DB: t.DB,
		Protocol: protocol, DialTimeout: timeout, ContextTimeoutEnabled: true, ReadTimeout: -1, WriteTimeout: -1,
		MaxRetries: -1, DialerRetries: 1, PoolSize: 1, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}
