package loop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// funcHandler is a Handler of functions; those that are nil do nothing.
type funcHandler struct {
	data     func([]byte)
	writable func()
	eof      func()
	drained  func()
	closed   func(error)
}

func (h *funcHandler) Data(b []byte) {
	if h.data != nil {
		h.data(b)
	}
}

func (h *funcHandler) Writable() {
	if h.writable != nil {
		h.writable()
	}
}

func (h *funcHandler) EOF() {
	if h.eof != nil {
		h.eof()
	}
}

func (h *funcHandler) Drained() {
	if h.drained != nil {
		h.drained()
	}
}

func (h *funcHandler) Closed(err error) {
	if h.closed != nil {
		h.closed(err)
	}
}

// echo sends back what it gets, once a batch, and stops reading while a lot of it is unsent.
type echo struct {
	l     *Loop
	c     Conn
	out   []byte
	dirty bool
	ended bool
}

const echoHigh = 256 << 10

func newEcho(l *Loop, c Conn) Handler { return &echo{l: l, c: c} }

func (e *echo) Data(b []byte) {
	e.out = append(e.out, b...)
	if len(e.out) > echoHigh {
		e.c.Pause()
	}
	if !e.dirty {
		e.dirty = true
		e.l.Defer(e)
	}
}

func (e *echo) Flush() {
	e.dirty = false
	n := e.c.Write(e.out)
	if e.out = append(e.out[:0], e.out[n:]...); len(e.out) == 0 {
		if e.ended {
			e.c.Close()
			return
		}
		e.c.Resume()
	}
}

func (e *echo) Writable() { e.Flush() }

func (e *echo) EOF() {} // may come before the last bytes, since echo pauses

func (e *echo) Drained() {
	e.ended = true
	if len(e.out) == 0 {
		e.c.Close()
	}
}

func (e *echo) Closed(error) {}

// startLoop runs a loop until the test ends, and then looks for goroutines that it left.
func startLoop(t testing.TB) *Loop {
	t.Helper()
	l, err := New(Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { defer wg.Done(); l.Run() }()
	if _, again := checked.LoadOrStore(t, true); !again {
		t.Cleanup(func() { noGoroutines(t) }) // registered first, runs last
	}
	t.Cleanup(func() {
		l.Stop()
		wg.Wait()
	})
	return l
}

var checked sync.Map // tests that look for goroutines at their end

// noGoroutines waits for the package's own goroutines to end. Stop and Run promise to join them, so the patience is for the last instructions
// of each only.
func noGoroutines(t testing.TB) {
	t.Helper()
	var left string
	for range 100 {
		buf := make([]byte, 1<<20)
		left = ""
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			for _, name := range []string{".(*pumpConn).", ".(*Listener).", ".(*dialing).", ".(*Loop).Run"} {
				if strings.Contains(g, "/proxy/loop"+name) {
					left += g + "\n\n"
				}
			}
		}
		if left == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("goroutines left:\n%s", left)
}

// on runs f on the loop and waits for it.
func on(t testing.TB, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(func() { defer close(done); f() }) {
		t.Fatal("Post was refused")
	}
	await(t, done, "a posted function")
}

// await waits for a channel that is closed or sent to.
func await[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s within 20 s", what)
	}
	return v
}

// serve listens and accepts on the loops until the test ends.
func serve(t testing.TB, network, addr string, o ListenOptions, open func(*Loop, Conn) Handler, loops ...*Loop) *Listener {
	t.Helper()
	ln, err := Listen(network, addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ln.Stop)
	ln.Start(loops, open)
	return ln
}

func dial(t testing.TB, a net.Addr) net.Conn {
	t.Helper()
	nc, err := net.DialTimeout(a.Network(), a.String(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return nc
}

// hidden keeps a plain socket from epoll, so that it is pumped.
type hidden struct{ net.Conn }

func (h hidden) CloseWrite() error { return h.Conn.(*net.TCPConn).CloseWrite() }

// pair is a connection of l and its other end, over TCP, either on epoll (where there is one) or pumped.
func pair(t testing.TB, l *Loop, pumped bool, open func(Conn) Handler) net.Conn {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	peer := dial(t, nl.Addr())
	nc, err := nl.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if pumped {
		nc = hidden{nc}
	}
	on(t, l, func() { l.Adopt(nc, open) })
	return peer
}

// bothTransports runs a test on epoll and pumped.
func bothTransports(t *testing.T, f func(t *testing.T, pumped bool)) {
	for name, pumped := range map[string]bool{"direct": false, "pumped": true} {
		t.Run(name, func(t *testing.T) { f(t, pumped) })
	}
}

// certificate makes a self-signed one, for localhost and 127.0.0.1, and a pool that trusts it.
func certificate(t testing.TB, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

func socketPath(t testing.TB) string { return filepath.Join(t.TempDir(), "s") }

// isDirect reports whether plain sockets are watched by epoll here.
func isDirect() bool { return runtime.GOOS == "linux" }
