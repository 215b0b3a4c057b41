package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// startTLSServer runs a redis-server with TLS beside its plain port and returns
// its "host:port" for TLS.
func startTLSServer(tb testing.TB, ca *authority, server pair, clientCerts string) (*redistest.Server, string) {
	tb.Helper()
	addr := freeAddr(tb)
	_, port, _ := net.SplitHostPort(addr)
	s := redistest.Start(tb, "--tls-port", port, "--tls-cert-file", server.cert, "--tls-key-file", server.key,
		"--tls-ca-cert-file", ca.file, "--tls-auth-clients", clientCerts)
	return s, addr
}

// freeAddr finds a port outside the range of outgoing connections, so that a
// server that restarts finds it free again.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	for range 50 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	tb.Fatal("no free port")
	return ""
}

// TestUpstreamTrust: the proxy serves only where the upstream proves who it is,
// and where the upstream takes the proxy's own certificate.
func TestUpstreamTrust(t *testing.T) {
	ca, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	server, mine := ca.issue(t, "server", "127.0.0.1", "redis.internal"), ca.issue(t, "mine")
	foreign := stranger.issue(t, "foreign")
	_, open := startTLSServer(t, ca, server, "no")
	_, demanding := startTLSServer(t, ca, server, "yes")
	tests := []struct {
		name, url string
		tls       proxy.UpstreamTLS
		wrong     string // in the log; "": it works
	}{
		{"authority", "rediss://" + open, proxy.UpstreamTLS{CAFile: ca.file}, ""},
		{"another name", "rediss://" + open, proxy.UpstreamTLS{CAFile: ca.file, ServerName: "redis.internal"}, ""},
		{"another authority", "rediss://" + open, proxy.UpstreamTLS{CAFile: stranger.file}, "unknown authority"},
		{"the system's authorities", "rediss://" + open, proxy.UpstreamTLS{}, "unknown authority"},
		{"wrong name", "rediss://" + open, proxy.UpstreamTLS{CAFile: ca.file, ServerName: "redis.example"}, "not redis.example"},
		{"client certificate", "rediss://" + demanding,
			proxy.UpstreamTLS{CAFile: ca.file, CertFile: mine.cert, KeyFile: mine.key}, ""},
		{"no client certificate", "rediss://" + demanding, proxy.UpstreamTLS{CAFile: ca.file}, "upstream"},
		{"a stranger's certificate", "rediss://" + demanding,
			proxy.UpstreamTLS{CAFile: ca.file, CertFile: foreign.cert, KeyFile: foreign.key}, "upstream"},
		{"no TLS", "redis://" + open, proxy.UpstreamTLS{}, "upstream"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(tt.url)
			cfg.Upstream.TLS = tt.tls
			cfg.Upstream.Wait = 300 * time.Millisecond
			r := start(t, cfg)
			c := r.dial(t)
			if tt.wrong == "" {
				eventually(t, "ready", func() bool { return r.Ready() == nil })
				c.must("+OK\r\n", "SET", "trust:"+tt.name, "v")
				c.must(":1\r\n", "PURGE", "PREFIX", "trust:"+tt.name)
				return
			}
			c.mustFail("UNAVAILABLE", "SET", "trust:never", "v")
			if r.Ready() == nil {
				t.Error("ready all the same")
			}
			eventually(t, "a word in the log of "+tt.wrong, func() bool { return strings.Contains(r.log.String(), tt.wrong) })
		})
	}
}

// TestTLSUpstreamRestarts: what is lost with a TLS upstream is said, and all goes
// on when it is back.
func TestTLSUpstreamRestarts(t *testing.T) {
	ca := newAuthority(t, "ca")
	s, addr := startTLSServer(t, ca, ca.issue(t, "server", "127.0.0.1"), "no")
	cfg := config("rediss://" + addr)
	cfg.Upstream.TLS.CAFile = ca.file
	cfg.Upstream.Wait = 3 * time.Second // longer than any pause between two tries to connect
	r := startReady(t, cfg)
	c, waiting := r.dial(t), r.dial(t)
	c.must("+OK\r\n", "SET", "before", "v")
	waiting.say("BLPOP", "never", "0")
	eventually(t, "blocked", func() bool {
		return strings.Contains(s.Dial(t).Do("INFO", "clients"), "blocked_clients:1\r\n")
	})
	s.Kill()
	if got, err := waiting.Receive(); err != nil || !redistest.IsError(got, "UNCERTAIN") {
		t.Errorf("the blocked client: %q %v", got, err)
	}
	eventually(t, "not ready", func() bool { return r.Ready() != nil })
	c.mustFail("UNAVAILABLE", "SET", "during", "v")
	s.Restart(t)
	eventually(t, "ready again", func() bool { return r.Ready() == nil })
	c.must("+OK\r\n", "SET", "after", "v")
	waiting.must("$1\r\nv\r\n", "GET", "after")
	// The scripts are there again as well, without any client having to ask twice.
	c.must(":1\r\n", "PURGE", "aft*")
}
