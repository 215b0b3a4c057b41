package difftest

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy"
)

var long = flag.Bool("long", false, "run the load tests for as long as a release asks for")

// startProxy runs a proxy before upstream (host:port) in this process until the test ends, and returns its address.
func startProxy(t *testing.T, upstream string) string {
	t.Helper()
	return startConfigured(t, upstream, func(*proxy.Config) {})
}

// startConfigured is startProxy with changes to the default configuration.
func startConfigured(t testing.TB, upstream string, change func(*proxy.Config)) string {
	t.Helper()
	cfg := proxy.NewConfig()
	cfg.Listen = []string{"127.0.0.1:0"}
	cfg.Admin = ""
	cfg.Upstream.URL = "redis://" + upstream
	change(&cfg)
	srv, err := proxy.New(cfg, proxy.Options{Log: slog.New(slog.NewTextHandler(logTo(t), nil))})
	if err != nil {
		t.Fatalf("proxy.New: %v", err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatalf("Listen: %v", err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background()) }()
	t.Cleanup(func() {
		srv.Close()
		<-served
	})
	return srv.Addrs()[0]
}

// logTo is the test's log, in verbose runs: what the proxy says is long, and says nothing about right or wrong.
func logTo(t testing.TB) io.Writer {
	if !testing.Verbose() {
		return io.Discard
	}
	return t.Output()
}
