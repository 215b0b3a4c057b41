package loop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// crowd opens connections to a unix socket (path, number) and holds them until its input ends.
func crowd() {
	n, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	conns := make([]net.Conn, n)
	for i := range conns {
		// A unix socket whose queue is full says EAGAIN instead of making us wait.
		for conns[i], err = net.Dial("unix", os.Args[1]); errors.Is(err, unix.EAGAIN); {
			time.Sleep(time.Millisecond)
			conns[i], err = net.Dial("unix", os.Args[1])
		}
		if err != nil {
			panic(err)
		}
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(conns)
	os.Exit(0)
}

// TestIdleCost measures what 10,000 idle connections (fewer if the system allows fewer) hold: each its small struct, no buffer, no goroutine.
func TestIdleCost(t *testing.T) {
	n := 10_000
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); lim.Cur < 10_500 {
		n = min(2000, int(lim.Cur)-100)
	}
	l := startLoop(t)
	path := socketPath(t)
	idle := &funcHandler{} // shared, since the handler's own size is its package's matter
	serve(t, "unix", path, ListenOptions{}, func(*Loop, Conn) Handler { return idle }, l)
	before, goroutines := heap(), runtime.NumGoroutine()
	_, _, out, log := child(t, "crowd", path, strconv.Itoa(n))
	if !out.Scan() {
		t.Fatalf("no crowd: %s", log)
	}
	for i := 0; l.load.Load() != int64(n); i++ {
		if i == 10_000 {
			t.Fatalf("%d of %d connections", l.load.Load(), n)
		}
		time.Sleep(time.Millisecond)
	}
	each := float64(heap()-before) / float64(n)
	t.Logf("%d idle connections: %.0f bytes each; the struct is %d", n, each, unsafe.Sizeof(fdConn{}))
	if each > 512 {
		t.Errorf("an idle connection costs %.0f bytes", each)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 20 {
		t.Errorf("%d more goroutines", more)
	}
	talk(t, dial(t, serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, newEcho, l).Addr()), 1000)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // finalizers and pools take two
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestIdleUsesNoProcessor: a connection that has ended on both sides, or whose end was seen while it is paused, must not make
// a level-triggered loop spin.
func TestIdleUsesNoProcessor(t *testing.T) {
	l := startLoop(t)
	half := pair(t, l, false, func(c Conn) Handler { return &funcHandler{eof: c.CloseWrite} })
	half.(*net.TCPConn).CloseWrite()
	paused := pair(t, l, false, func(c Conn) Handler { c.Pause(); return &funcHandler{} })
	paused.Write([]byte("unread"))
	paused.(*net.TCPConn).CloseWrite()
	path := socketPath(t)
	serve(t, "unix", path, ListenOptions{}, func(_ *Loop, c Conn) Handler { c.Pause(); return &funcHandler{} }, l)
	for range 2 {
		nc := dial(t, &net.UnixAddr{Name: path, Net: "unix"})
		nc.Write([]byte("unread"))
		nc.Close()
	}
	time.Sleep(50 * time.Millisecond)
	before := processorTime()
	time.Sleep(500 * time.Millisecond)
	if used := processorTime() - before; used > 200*time.Millisecond {
		t.Errorf("%v of processor time in 500 ms of idleness", used)
	}
}

func processorTime() time.Duration {
	var ru unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// TestUnixEndWhilePaused: a unix peer that has gone altogether leaves bytes that Resume still brings; writing then fails.
func TestUnixEndWhilePaused(t *testing.T) {
	l := startLoop(t)
	path := socketPath(t)
	var conn Conn
	var got string
	eof, drained, closed := make(chan string, 1), make(chan string, 1), make(chan error, 1)
	serve(t, "unix", path, ListenOptions{}, func(_ *Loop, c Conn) Handler {
		conn = c
		c.Pause()
		return &funcHandler{
			data:    func(b []byte) { got += string(b) },
			eof:     func() { eof <- got },
			drained: func() { drained <- got },
			closed:  func(err error) { closed <- err },
		}
	}, l)
	nc := dial(t, &net.UnixAddr{Name: path, Net: "unix"})
	nc.Write([]byte("last words"))
	nc.Close()
	if s := await(t, eof, "EOF"); s != "" {
		t.Errorf("%q was read while paused", s)
	}
	on(t, l, func() { conn.Resume() })
	if s := await(t, drained, "Drained"); s != "last words" {
		t.Errorf("got %q", s)
	}
	on(t, l, func() { conn.Write([]byte("too late")) })
	if err := await(t, closed, "Closed"); err == nil {
		t.Error("no error")
	}
}

// TestLastWords: a server that says why it refuses, and is gone, is heard although a write fails first.
func TestLastWords(t *testing.T) {
	l := startLoop(t)
	for range 20 {
		var conn Conn
		var got string
		closed := make(chan error, 1)
		peer := pair(t, l, false, func(c Conn) Handler {
			conn = c
			return &funcHandler{data: func(b []byte) { got += string(b) }, closed: func(err error) { closed <- err }}
		})
		on(t, l, func() {
			// All happens while the loop is here, so its first call finds the reset.
			peer.Write([]byte("-ERR go away"))
			peer.(*net.TCPConn).SetLinger(0)
			peer.Close()
			conn.Write([]byte("PING"))
		})
		await(t, closed, "Closed")
		on(t, l, func() {
			if got != "-ERR go away" {
				t.Fatalf("heard %q", got)
			}
		})
	}
}
