package loop

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// transports starts an echo server on each kind of listener and gives a function that connects to it.
func transports(t testing.TB, loops ...*Loop) map[string]func() net.Conn {
	cert, pool := certificate(t, "echo")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	all := map[string]func() net.Conn{}
	for name, ln := range map[string]*Listener{
		"tcp4": serve(t, "tcp4", "127.0.0.1:0", ListenOptions{}, newEcho, loops...),
		"unix": serve(t, "unix", socketPath(t), ListenOptions{}, newEcho, loops...),
	} {
		all[name] = func() net.Conn { return dial(t, ln.Addr()) }
	}
	if nl, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		nl.Close()
		ln := serve(t, "tcp6", "[::1]:0", ListenOptions{}, newEcho, loops...)
		all["tcp6"] = func() net.Conn { return dial(t, ln.Addr()) }
	} else {
		t.Logf("no IPv6 here: %v", err)
	}
	secure := serve(t, "tcp", "127.0.0.1:0", ListenOptions{TLS: func() *tls.Config { return conf }}, newEcho, loops...)
	all["tls"] = func() net.Conn {
		return tls.Client(dial(t, secure.Addr()), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	}
	return all
}

// talk sends total bytes in pieces of odd sizes while it checks what comes back, ends its side, and expects the other to end.
func talk(t *testing.T, nc net.Conn, total int) {
	want := make([]byte, total)
	for i := range want {
		want[i] = byte(i*7 + i>>8)
	}
	go func() {
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+len(rest)/3)
			if _, err := nc.Write(rest[:n]); err != nil {
				t.Errorf("write: %v", err)
				return
			}
			rest = rest[n:]
		}
		if err := nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Errorf("close write: %v", err)
		}
	}()
	got, err := io.ReadAll(nc)
	if err != nil {
		t.Errorf("read: %v", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes that aren't the %d sent", len(got), len(want))
	}
}

func TestEcho(t *testing.T) {
	for name, connect := range transports(t, startLoop(t), startLoop(t)) {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() { talk(t, connect(), 1+i*100_003) })
			}
			wg.Wait()
		})
	}
}

// TestPingPong has many small exchanges, which is what the loop mostly does.
func TestPingPong(t *testing.T) {
	for name, connect := range transports(t, startLoop(t)) {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					nc := connect()
					buf := make([]byte, 5)
					for i := range 100 {
						msg := []byte{'#', byte(i), 'x', '\r', '\n'}
						nc.Write(msg)
						if _, err := io.ReadFull(nc, buf); err != nil || !bytes.Equal(buf, msg) {
							t.Errorf("exchange %d: %q, %v", i, buf, err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestAddresses(t *testing.T) {
	l := startLoop(t)
	type addrs struct{ remote, local string }
	got := make(chan addrs, 1)
	open := func(_ *Loop, c Conn) Handler {
		got <- addrs{c.RemoteAddr(), c.LocalAddr()}
		return &funcHandler{}
	}
	// A wildcard socket is IPv6 as well; its IPv4 peers must still look like IPv4.
	ln := serve(t, "tcp", ":0", ListenOptions{}, open, l)
	port := ln.Addr().(*net.TCPAddr).Port
	nc := dial(t, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if a := await(t, got, "connection"); a.remote != nc.LocalAddr().String() || a.local != nc.RemoteAddr().String() {
		t.Errorf("loop says %v, peer %v <- %v", a, nc.RemoteAddr(), nc.LocalAddr())
	}
	path := socketPath(t)
	serve(t, "unix", path, ListenOptions{}, open, l)
	dial(t, &net.UnixAddr{Name: path, Net: "unix"})
	if a := await(t, got, "connection"); a.local != path {
		t.Errorf("local address is %q, want %q", a.local, path)
	}
}

func TestUnixSocketFile(t *testing.T) {
	path := socketPath(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close() // leaves the file, as a process that was killed does
	ln, err := Listen("unix", path, ListenOptions{UnixMode: 0o640})
	if err != nil {
		t.Fatalf("a dead socket's file is in the way: %v", err)
	}
	defer ln.Stop()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm() != 0o640 {
		t.Errorf("mode is %o, want 640", fi.Mode().Perm())
	}
	if other, err := Listen("unix", path, ListenOptions{}); err == nil {
		other.Stop()
		t.Error("a living socket was taken over")
	}
	ln.Stop()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there after Stop: %v", err)
	}
}

// TestStopKeepsAnotherFile: whoever replaced our file, we don't remove theirs.
func TestStopKeepsAnotherFile(t *testing.T) {
	path := socketPath(t)
	ln, err := Listen("unix", path, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	os.Rename(path, path+".old") // keeps the inode in use
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ln.Stop()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("another's file was removed: %v", err)
	}
}

func TestListenerStop(t *testing.T) {
	l := startLoop(t)
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, newEcho, l)
	nc := dial(t, ln.Addr())
	nc.Write([]byte("a"))
	buf := make([]byte, 1)
	if _, err := io.ReadFull(nc, buf); err != nil {
		t.Fatal(err)
	}
	ln.Stop()
	ln.Stop()
	if late, err := net.DialTimeout("tcp", ln.Addr().String(), time.Second); err == nil {
		late.Close()
		t.Error("a connection was accepted after Stop")
	}
	talk(t, nc, 1000) // existing ones live on
}

func TestSpread(t *testing.T) {
	loops := []*Loop{startLoop(t), startLoop(t), startLoop(t)}
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, newEcho, loops...)
	var conns []net.Conn
	for range 30 {
		nc := dial(t, ln.Addr())
		nc.Write([]byte("a"))
		if _, err := nc.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, nc)
	}
	for i, l := range loops {
		if n := l.load.Load(); n != 10 {
			t.Errorf("loop %d has %d connections of 30", i, n)
		}
	}
	for _, nc := range conns {
		nc.Close()
	}
	for i, l := range loops {
		for n := 0; l.load.Load() != 0; n++ {
			if n == 1000 {
				t.Fatalf("loop %d still counts %d connections", i, l.load.Load())
			}
			time.Sleep(time.Millisecond)
		}
	}
}
