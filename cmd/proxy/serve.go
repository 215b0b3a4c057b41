package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
)

type serveCmd struct {
	settings `embed:""`
}

func (c *serveCmd) run(w *world) int {
	// First of all: a signal during the start must not be lost.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	cfg, err := c.validated(w.env)
	if err != nil {
		return w.fail(err)
	}
	log := w.newLogger(&cfg)
	if cfg.Embedded {
		e, err := proxy.StartEmbedded(log)
		if err != nil {
			return w.fail(err)
		}
		defer e.Close()
		cfg.Upstream.URL = "redis://" + e.Addr()
	}
	srv, err := proxy.New(cfg, proxy.Options{Log: log, Version: version()})
	if err != nil {
		return w.fail(err)
	}
	if err := srv.Listen(); err != nil {
		srv.Close()
		return w.fail(err)
	}
	if cfg.Embedded {
		fmt.Fprint(w.stderr, whatNext(cfg.Listen, srv.Addrs()))
	}
	return supervise(w.ctx, srv, signals, cfg.ShutdownGrace, log)
}

// server is what supervise needs of a *proxy.Server.
type server interface {
	Serve(ctx context.Context) error
	Drain(ctx context.Context) error
	Reload() error
	Close() error
}

// supervise serves until srv ends or a signal asks for the end, and gives the
// exit status. SIGHUP reloads certificates and scripts. The first SIGTERM or SIGINT
// drains within grace and ends with 0, also when some client had to be cut off;
// the second ends at once with 1, without waiting for anything.
func supervise(ctx context.Context, srv server, signals <-chan os.Signal, grace time.Duration, log *slog.Logger) int {
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	for {
		select {
		case err := <-served:
			srv.Close()
			if err != nil {
				log.Error("serving failed", "error", err)
				return exitFailed
			}
			return exitOK
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				log.Info("draining", "signal", sig.String(), "grace", grace)
				return drain(srv, served, signals, grace, log)
			}
			if err := srv.Reload(); err != nil {
				log.Error("reload failed; what was in use stays in use", "error", err)
			} else {
				log.Info("reloaded")
			}
		}
	}
}

func drain(srv server, served <-chan error, signals <-chan os.Signal, grace time.Duration, log *slog.Logger) int {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := srv.Drain(ctx)
		srv.Close()
		<-served
		done <- err
	}()
	for {
		select {
		case err := <-done:
			switch {
			case errors.Is(err, context.DeadlineExceeded):
				log.Warn("the grace period is over; remaining clients were cut off")
			case err != nil:
				log.Error("drain failed", "error", err)
				return exitFailed
			}
			log.Info("stopped")
			return exitOK
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				continue
			}
			log.Warn("second signal: ending at once", "signal", sig.String())
			return exitFailed
		}
	}
}

// whatNext tells a newcomer what to type. The first plain TCP listener is the
// one to show; port 0 and wildcard hosts are resolved by what was bound.
func whatNext(listen, bound []string) string {
	port, addr := "", ""
	for i, a := range bound {
		c := proxy.Config{Listen: listen[i : i+1]}
		l, err := c.Listeners()
		if err != nil || l[0].Network != "tcp" || l[0].TLS {
			continue
		}
		if _, p, err := net.SplitHostPort(a); err == nil {
			port, addr = p, net.JoinHostPort("127.0.0.1", p)
			break
		}
	}
	if port == "" {
		return ""
	}
	flag := ""
	if addr != defaultCliAddr {
		flag = "--addr " + addr + " "
	}
	return fmt.Sprintf(`
The upstream is an in-memory stand-in for Redis. Try, in another terminal:

  redis-cli -p %[1]s set session:1 alice
  redis-cli -p %[1]s purge 'session:*'

or, without redis-cli:

  go run ./cmd/proxy cli %[2]sSET session:1 alice
  go run ./cmd/proxy cli %[2]sPURGE 'session:*' DRYRUN
  go run ./cmd/proxy cli %[2]sPURGE 'session:*'

`, port, flag)
}
