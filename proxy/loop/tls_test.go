package loop

import (
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// TestTLSIntruders: garbage, silence and a handshake of a byte a time hold up nobody, and are cut after the timeout.
func TestTLSIntruders(t *testing.T) {
	l := startLoop(t)
	cert, pool := certificate(t, "busy")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	const timeout = 600 * time.Millisecond
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{
		TLS: func() *tls.Config { return conf }, HandshakeTimeout: timeout,
	}, newEcho, l)
	var slow []net.Conn
	for range 50 {
		garbage := make([]byte, 2000)
		rand.Read(garbage)
		dial(t, ln.Addr()).Write(garbage)
		slow = append(slow, dial(t, ln.Addr()))
	}
	go func() {
		for _, b := range []byte{0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3, 0, 0, 0} {
			for _, nc := range slow[:25] {
				nc.Write([]byte{b})
			}
			time.Sleep(timeout / 10)
		}
	}()
	start := time.Now()
	nc := tls.Client(dial(t, ln.Addr()), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	talk(t, nc, 10_000)
	if d := time.Since(start); d >= timeout {
		t.Logf("the good client took %v, which says nothing about waiting", d)
	}
	for _, nc := range slow {
		nc.SetReadDeadline(start.Add(timeout + 10*time.Second))
		if _, err := io.ReadAll(nc); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("a handshake that doesn't end is not cut")
			}
		}
	}
}

// TestHandshakeBound: beyond the bound, connections wait and are served later.
func TestHandshakeBound(t *testing.T) {
	l := startLoop(t)
	cert, pool := certificate(t, "bound")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	var asked atomic.Int64
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{
		TLS: func() *tls.Config { asked.Add(1); return conf }, HandshakeTimeout: time.Second, Backlog: 512,
	}, newEcho, l)
	for range maxHandshakes + 50 {
		dial(t, ln.Addr())
	}
	for n := 0; asked.Load() < maxHandshakes; n++ {
		if n == 2000 {
			t.Fatalf("%d handshakes began", asked.Load())
		}
		time.Sleep(time.Millisecond)
	}
	nc := tls.Client(dial(t, ln.Addr()), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	talk(t, nc, 100)
}

// TestCertificateSwap: existing connections live on, a new one gets the new certificate.
func TestCertificateSwap(t *testing.T) {
	l := startLoop(t)
	var conf atomic.Pointer[tls.Config]
	first, pool := certificate(t, "first")
	second, _ := certificate(t, "second")
	pool.AddCert(second.Leaf)
	conf.Store(&tls.Config{Certificates: []tls.Certificate{first}})
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{TLS: conf.Load}, newEcho, l)
	connect := func(want string) *tls.Conn {
		nc := tls.Client(dial(t, ln.Addr()), &tls.Config{RootCAs: pool, ServerName: "localhost"})
		if err := nc.Handshake(); err != nil {
			t.Fatal(err)
		}
		if got := nc.ConnectionState().PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("the certificate is %q, want %q", got, want)
		}
		return nc
	}
	old := connect("first")
	conf.Store(&tls.Config{Certificates: []tls.Certificate{second}})
	talk(t, connect("second"), 1000)
	talk(t, old, 1000)
	conf.Store(nil)
	if err := tls.Client(dial(t, ln.Addr()), &tls.Config{RootCAs: pool, ServerName: "localhost"}).Handshake(); err == nil {
		t.Error("a handshake without a configuration succeeded")
	}
}

// TestListenerStopCutsHandshakes: Stop doesn't wait for those who don't finish theirs.
func TestListenerStopCutsHandshakes(t *testing.T) {
	l := startLoop(t)
	cert, _ := certificate(t, "stop")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{TLS: func() *tls.Config { return conf }, HandshakeTimeout: time.Hour}, newEcho, l)
	nc := dial(t, ln.Addr())
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	ln.Stop()
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("Stop took %v", d)
	}
	nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("the connection lives")
	}
}
