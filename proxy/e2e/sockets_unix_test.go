//go:build unix

package e2e

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// socketDir is short: a socket's path holds about a hundred bytes, which a
// test's own directory can exceed.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestUnixSockets: clients and the upstream on unix sockets.
func TestUnixSockets(t *testing.T) {
	dir := socketDir(t)
	up, down := filepath.Join(dir, "redis.sock"), filepath.Join(dir, "proxy.sock")
	s := redistest.Start(t, "--unixsocket", up)
	cfg := config("unix://" + up)
	cfg.Listen = []string{"unix://" + down}
	r := startReady(t, cfg)
	fi, err := os.Stat(down)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v: anybody on the machine could connect", fi.Mode())
	}
	c := dial(t, "unix", down)
	work(c, "unix")
	value := randomText(3 << 20)
	c.must("+OK\r\n", "SET", "large", value)
	if c.do("GET", "large") != bulk(value) {
		t.Error("another value comes back")
	}
	s.Kill()
	s.Restart(t)
	eventually(t, "served again", func() bool { return c.do("SET", "k", "v") == "+OK\r\n" })
	r.Close()
	if _, err := os.Stat(down); !os.IsNotExist(err) {
		t.Errorf("the socket's file is still there: %v", err)
	}
}

// TestUnixUpstreamDB: the database in a unix:// URL is where clients begin.
func TestUnixUpstreamDB(t *testing.T) {
	up := filepath.Join(socketDir(t), "redis.sock")
	s := redistest.Start(t, "--unixsocket", up)
	r := startReady(t, config("unix://"+up+"?db=3"))
	r.dial(t).must("+OK\r\n", "SET", "k", "three")
	direct := s.Dial(t)
	direct.Do("SELECT", "3")
	if got := direct.Do("GET", "k"); got != bulk("three") {
		t.Errorf("in db 3: %q", got)
	}
}

// TestListeners: several at once, of every kind, lead to the same data.
func TestListeners(t *testing.T) {
	s := redistest.Start(t)
	ca := newAuthority(t, "ca")
	path := filepath.Join(socketDir(t), "p.sock")
	cfg := secure(before(s), ca.issue(t, "server", "127.0.0.1"))
	cfg.Listen = append(cfg.Listen, "unix://"+path, "127.0.0.1:0")
	kinds := []string{"tls", "tcp", "unix", "tcp"}
	if ln, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		ln.Close()
		cfg.Listen, kinds = append(cfg.Listen, "[::1]:0"), append(kinds, "tcp6")
	} else {
		t.Logf("this machine has no IPv6: %v", err)
	}
	r := startReady(t, cfg)
	first := dial(t, "tcp", r.Addrs()[1])
	for i, kind := range kinds {
		addr := r.Addrs()[i]
		var c *client
		if kind == "tls" {
			c = dialTLS(t, addr, ca.trusting())
		} else {
			c = dial(t, kind, addr)
		}
		first.must("+OK\r\n", "SET", "seen by", kind)
		c.must(bulk(kind), "GET", "seen by")
		work(c, "listener "+kind)
	}
}

// TestAddressInUse: the error names the address, and nothing stays open.
func TestAddressInUse(t *testing.T) {
	s := redistest.Miniredis(t)
	path := filepath.Join(socketDir(t), "p.sock")
	taken := before(s)
	taken.Listen = append(taken.Listen, "unix://"+path)
	taken.Admin = "127.0.0.1:0"
	r := startReady(t, taken)
	for _, tt := range []struct{ name, listen, admin, names string }{
		{"tcp", r.Addrs()[0], "", r.Addrs()[0]},
		{"unix", "unix://" + path, "", path},
		{"admin", "127.0.0.1:0", r.AdminAddr(), r.AdminAddr()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			free := freeAddr(t)
			cfg := before(s)
			cfg.Listen, cfg.Admin = []string{free, tt.listen}, tt.admin
			srv, err := proxy.New(cfg, proxy.Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			err = srv.Listen()
			if err == nil || !strings.Contains(err.Error(), tt.names) || !strings.Contains(err.Error(), "in use") {
				t.Errorf("error: %v; want %q and \"in use\" in it", err, tt.names)
			}
			srv.Close()
			ln, err := net.Listen("tcp", free)
			if err != nil {
				t.Fatalf("the other listener is still open: %v", err)
			}
			ln.Close()
		})
	}
	dial(t, "unix", path).must("+PONG\r\n", "PING") // the owner is not harmed
}
