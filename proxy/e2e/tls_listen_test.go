package e2e

import (
	"crypto/rand"
	"crypto/tls"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// secure adds a tls:// listener with the certificate p.
func secure(cfg proxy.Config, p pair) proxy.Config {
	cfg.Listen = append([]string{"tls://127.0.0.1:0"}, cfg.Listen...)
	cfg.TLS.CertFile, cfg.TLS.KeyFile = p.cert, p.key
	return cfg
}

// handshake tries conf at addr, up to the first reply: with TLS 1.3 a client
// learns only there that its certificate was not taken.
func handshake(addr string, conf *tls.Config) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, conf)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = redistest.NewClient(conn).Call("PING")
	return err
}

// TestListenTLS: which clients a tls:// listener takes.
func TestListenTLS(t *testing.T) {
	s := redistest.Miniredis(t)
	ca, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	server, mine := ca.issue(t, "server", "127.0.0.1"), ca.issue(t, "mine")
	plain := startReady(t, secure(before(s), server)).Addrs()[0]
	cfg := secure(before(s), server)
	cfg.TLS.ClientCAFile = ca.file
	demanding := startReady(t, cfg).Addrs()[0]

	with := func(change func(*tls.Config)) *tls.Config {
		c := ca.trusting()
		change(c)
		return c
	}
	bearing := func(p pair) *tls.Config {
		return with(func(c *tls.Config) {
			cert := p.load(t)
			// Certificates would leave out one that the server says it does not want.
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		})
	}
	tests := []struct {
		name, addr string
		conf       *tls.Config
		ok         bool
	}{
		{"1.3", plain, with(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }), true},
		{"1.2", plain, with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), true},
		{"1.1", plain, with(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), false},
		{"no client certificate", demanding, ca.trusting(), false},
		{"client certificate", demanding, bearing(mine), true},
		{"a stranger's", demanding, bearing(stranger.issue(t, "mine")), false},
	}
	for _, tt := range tests {
		if err := handshake(tt.addr, tt.conf); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want success: %v", tt.name, err, tt.ok)
		}
	}
	c := dial(t, "tcp", plain)
	c.Timeout = 2 * time.Second
	if reply, err := c.Call("PING"); err == nil && reply == "+PONG\r\n" {
		t.Error("a client without TLS was served")
	}
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReloadCertificate: who is connected stays, who connects sees the new
// certificate, and a bad file changes nothing.
func TestReloadCertificate(t *testing.T) {
	s := redistest.Miniredis(t)
	ca := newAuthority(t, "ca")
	used := ca.issue(t, "used", "127.0.0.1")
	second := ca.issue(t, "second", "127.0.0.1")
	r := startReady(t, secure(before(s), used))
	connect := func(want string) *client {
		c := dialTLS(t, r.Addrs()[0], ca.trusting())
		if got := c.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("the certificate is %q, want %q", got, want)
		}
		c.must("+OK\r\n", "SET", "k", want)
		return c
	}
	clients := []*client{connect("used")}
	// Only one of the two files is new, as when a reload comes too early.
	copyFile(t, used.cert, second.cert)
	if err := r.Reload(); err == nil {
		t.Error("a certificate and the key of another were taken")
	}
	clients = append(clients, connect("used"))
	copyFile(t, used.key, second.key)
	if err := r.Reload(); err != nil {
		t.Error(err)
	}
	clients = append(clients, connect("second"))
	for _, text := range []string{"", "-----BEGIN CERTIFICATE-----\nnonsense\n"} {
		if err := os.WriteFile(used.cert, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.Reload(); err == nil || !strings.Contains(err.Error(), "tls") {
			t.Errorf("a file with %q: %v", text, err)
		}
	}
	if err := os.Remove(used.cert); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err == nil {
		t.Error("a missing file: no error")
	}
	clients = append(clients, connect("second"))
	for _, c := range clients {
		c.must(bulk("second"), "GET", "k")
	}
}

// TestHandshakesDisturbNobody: garbage, silence and handshakes that never end
// leave those who are served alone.
func TestHandshakesDisturbNobody(t *testing.T) {
	s := redistest.Miniredis(t)
	ca := newAuthority(t, "ca")
	r := startReady(t, secure(before(s), ca.issue(t, "server", "127.0.0.1")))
	good := dialTLS(t, r.Addrs()[0], ca.trusting())
	good.must("+OK\r\n", "SET", "k", "v")
	for i := range 60 {
		conn := dial(t, "tcp", r.Addrs()[0]).Conn
		switch i % 3 {
		case 0:
			garbage := make([]byte, 3000)
			rand.Read(garbage)
			conn.Write(garbage)
		case 1: // says nothing
		case 2: // the beginning of a ClientHello
			conn.Write([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3})
		}
	}
	began := time.Now()
	for range 100 {
		good.must(bulk("v"), "GET", "k")
	}
	fresh := dialTLS(t, r.Addrs()[0], ca.trusting())
	fresh.must(bulk("v"), "GET", "k")
	// A handshake may take 10 s: whoever had to wait for one would be late.
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("it took %v", d)
	}
}
