package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// patience is how long a test waits for what should come soon: a loaded machine
// under the race detector is slow.
const patience = 20 * time.Second

// lockedBuffer is a log that a test reads while the proxy writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a proxy inside this process.
type running struct {
	*proxy.Server
	log    *lockedBuffer
	served chan error
}

// config is the default one before upstream (a URL), on a free port.
func config(upstream string) proxy.Config {
	cfg := proxy.NewConfig()
	cfg.Listen = []string{"127.0.0.1:0"}
	cfg.Admin = ""
	cfg.Upstream.URL = upstream
	return cfg
}

// before is config for a test server.
func before(s *redistest.Server) proxy.Config { return config("redis://" + s.Addr) }

// start validates cfg, as the program does, and serves until the test ends.
func start(tb testing.TB, cfg proxy.Config) *running {
	tb.Helper()
	if err := cfg.Validate(); err != nil {
		tb.Fatal(err)
	}
	r := &running{log: &lockedBuffer{}, served: make(chan error, 1)}
	var err error
	r.Server, err = proxy.New(cfg, proxy.Options{Log: slog.New(slog.NewTextHandler(r.log, nil)), Version: "v0.0.0"})
	if err != nil {
		tb.Fatal(err)
	}
	if err := r.Listen(); err != nil {
		r.Close()
		tb.Fatal(err)
	}
	go func() { r.served <- r.Serve(context.Background()) }()
	tb.Cleanup(func() {
		r.Close()
		if err := <-r.served; err != nil {
			tb.Errorf("Serve: %v", err)
		}
		if tb.Failed() {
			tb.Logf("the proxy said: %.3000s", r.log)
		}
	})
	return r
}

// startReady is start, and waits for the upstream.
func startReady(tb testing.TB, cfg proxy.Config) *running {
	tb.Helper()
	r := start(tb, cfg)
	eventually(tb, "ready", func() bool { return r.Ready() == nil })
	return r
}

// client is one connection whose replies a test compares as bytes.
type client struct {
	*redistest.Client
	tb testing.TB
}

func newClient(tb testing.TB, conn net.Conn) *client {
	tb.Cleanup(func() { conn.Close() })
	return &client{redistest.NewClient(conn), tb}
}

// dial connects to a plain listener of the proxy.
func (r *running) dial(tb testing.TB) *client {
	tb.Helper()
	return dial(tb, "tcp", r.Addrs()[0])
}

func dial(tb testing.TB, network, addr string) *client {
	tb.Helper()
	conn, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		tb.Fatal(err)
	}
	return newClient(tb, conn)
}

func dialTLS(tb testing.TB, addr string, conf *tls.Config) *client {
	tb.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, conf)
	if err != nil {
		tb.Fatal(err)
	}
	return newClient(tb, conn)
}

// do sends one command and returns its reply.
func (c *client) do(args ...string) string {
	c.tb.Helper()
	reply, err := c.Call(args...)
	if err != nil {
		c.tb.Fatalf("%.200q: %v", args, err)
	}
	return reply
}

// must fails the test unless the reply is want.
func (c *client) must(want string, args ...string) {
	c.tb.Helper()
	if got := c.do(args...); got != want {
		c.tb.Errorf("%.200q = %.300q, want %.300q", args, got, want)
	}
}

// mustFail fails the test unless the reply is an error that begins with code.
func (c *client) mustFail(code string, args ...string) {
	c.tb.Helper()
	if got := c.do(args...); !redistest.IsError(got, code) {
		c.tb.Errorf("%.200q = %.300q, want -%s", args, got, code)
	}
}

// say sends commands without waiting for replies.
func (c *client) say(args ...string) {
	c.tb.Helper()
	if err := c.Send(redistest.Command(args...)); err != nil {
		c.tb.Fatal(err)
	}
}

// hear reads one reply, or push, that must be want.
func (c *client) hear(want string) {
	c.tb.Helper()
	got, err := c.Receive()
	if err != nil || got != want {
		c.tb.Errorf("got %.300q, %v; want %.300q", got, err, want)
	}
}

// closed reports whether the other side has closed the connection, or does so soon.
func (c *client) closed() bool {
	c.Timeout = patience
	for {
		if _, err := c.Receive(); err != nil {
			nerr, ok := err.(net.Error)
			return !ok || !nerr.Timeout()
		}
	}
}

// work does a little of everything that takes another way through the proxy.
func work(c *client, key string) {
	c.tb.Helper()
	c.must("+OK\r\n", "SET", key, "v")
	c.must(bulk("v"), "GET", key)
	c.must("+OK\r\n", "MULTI")
	c.must("+QUEUED\r\n", "APPEND", key, "w")
	c.must("*1\r\n:2\r\n", "EXEC")
	c.must(":1\r\n", "PURGE", "PREFIX", key)
}

// words splits a command that holds no spaces inside its arguments.
func words(command string) []string { return strings.Fields(command) }

// eventually waits for cond.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// bulk is a bulk string as in a reply.
var bulk = redistest.Bulk
