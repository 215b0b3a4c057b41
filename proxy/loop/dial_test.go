package loop

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// TestDial connects loop to loop, over each transport.
func TestDial(t *testing.T) {
	l := startLoop(t)
	cert, pool := certificate(t, "dial")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	plain := serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, newEcho, l)
	secure := serve(t, "tcp", "127.0.0.1:0", ListenOptions{TLS: func() *tls.Config { return conf }}, newEcho, l)
	path := socketPath(t)
	serve(t, "unix", path, ListenOptions{}, newEcho, l)
	for name, d := range map[string]Dialer{
		"tcp":  {Network: "tcp", Address: plain.Addr().String()},
		"tls":  {Network: "tcp", Address: secure.Addr().String(), TLS: &tls.Config{RootCAs: pool}},
		"unix": {Network: "unix", Address: path},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			on(t, l, func() {
				l.Dial(d, func(c Conn, err error) Handler {
					if err != nil {
						t.Error(err)
						close(got)
						return nil
					}
					c.Write([]byte("hello"))
					var all string
					return &funcHandler{data: func(b []byte) {
						if all += string(b); len(all) == 5 {
							c.Close()
							got <- all
						}
					}}
				})
			})
			if s := await(t, got, "echo"); s != "hello" {
				t.Errorf("got %q", s)
			}
		})
	}
}

// TestDialErrors: refused, not trusted, too slow.
func TestDialErrors(t *testing.T) {
	l := startLoop(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // never answers a handshake
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	cert, _ := certificate(t, "unknown")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	secure := serve(t, "tcp", "127.0.0.1:0", ListenOptions{TLS: func() *tls.Config { return conf }}, newEcho, l)
	for name, d := range map[string]Dialer{
		"refused":   {Network: "tcp", Address: free.Addr().String()},
		"untrusted": {Network: "tcp", Address: secure.Addr().String(), TLS: &tls.Config{}},
		"timeout":   {Network: "tcp", Address: silent.Addr().String(), TLS: &tls.Config{}, Timeout: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan error, 1)
			on(t, l, func() {
				l.Dial(d, func(c Conn, err error) Handler {
					if c != nil {
						t.Error("a connection came with the error")
					}
					got <- err
					return nil
				})
			})
			if err := await(t, got, "answer"); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestDialCancel: after cancel open is not called, at whatever moment it comes, and the connection is closed.
func TestDialCancel(t *testing.T) {
	l := startLoop(t)
	closed := make(chan struct{}, 200)
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, func(_ *Loop, c Conn) Handler {
		end := func() { c.Close(); closed <- struct{}{} }
		return &funcHandler{eof: end, closed: func(error) { closed <- struct{}{} }}
	}, l)
	opened := 0
	for i := range 100 {
		on(t, l, func() {
			cancelled := false
			cancel := l.Dial(Dialer{Network: "tcp", Address: ln.Addr().String()}, func(c Conn, err error) Handler {
				if cancelled {
					t.Error("open was called after cancel")
				}
				opened++
				if err == nil {
					c.Close()
				}
				return nil
			})
			stop := func() { cancelled = true; cancel(); cancel() }
			if i%2 == 0 {
				stop()
			} else {
				l.After(time.Duration(i)*20*time.Microsecond, stop)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	on(t, l, func() { t.Logf("%d of 100 were opened before cancel", opened) })
	for n := 0; l.load.Load() != 0; n++ {
		if n == 3000 {
			t.Fatalf("%d connections are left", l.load.Load())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestDialStop: a loop that ends doesn't wait for a peer that never answers.
func TestDialStop(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	on(t, l, func() {
		l.Dial(Dialer{Network: "tcp", Address: silent.Addr().String(), TLS: &tls.Config{ServerName: "x"}, Timeout: time.Hour},
			func(Conn, error) Handler { t.Error("open was called"); return nil })
	})
	time.Sleep(20 * time.Millisecond)
	l.Stop()
	await(t, ended, "end of Run")
	noGoroutines(t)
}
