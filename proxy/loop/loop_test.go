package loop

import (
	"errors"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPostOrder(t *testing.T) {
	l := startLoop(t)
	var mu sync.Mutex
	got := map[int][]int{}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				l.Post(func() { mu.Lock(); got[g] = append(got[g], i); mu.Unlock() })
			}
		})
	}
	wg.Wait()
	on(t, l, func() {
		for g := range 4 {
			if len(got[g]) != 1000 || !slices.IsSorted(got[g]) {
				t.Errorf("goroutine %d: %d calls, in order: %v", g, len(got[g]), slices.IsSorted(got[g]))
			}
		}
	})
}

// TestPostWakes posts to a loop that is about to sleep, at moments a little apart, again and again; a lost wake-up would hang.
func TestPostWakes(t *testing.T) {
	l := startLoop(t)
	var ran atomic.Int64
	deadline := time.Now().Add(20 * time.Second)
	for i := range int64(2000) {
		for spin := i % 400; spin > 0; spin-- {
			ran.Load() // a nanosecond or two
		}
		l.Post(func() { ran.Add(1) })
		for n := 0; ran.Load() <= i; n++ {
			if n%1000 == 999 { // not sooner, so as to be here when the loop goes to sleep
				runtime.Gosched()
				if time.Now().After(deadline) {
					t.Fatalf("call %d was not made", i)
				}
			}
		}
	}
}

func TestStop(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l, err := New(Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { l.Run(); close(ended) }()
		closed := make(chan error, 1)
		peer := pair(t, l, pumped, func(c Conn) Handler {
			c.Write([]byte("taken"))
			return &funcHandler{closed: func(err error) { closed <- err }}
		})
		ran := make(chan struct{})
		l.Post(func() { time.Sleep(10 * time.Millisecond) })
		if !l.Post(func() { close(ran) }) {
			t.Error("Post was refused before Stop")
		}
		l.Stop()
		l.Stop()
		await(t, ended, "end of Run")
		await(t, ran, "call posted before Stop")
		if err := await(t, closed, "Closed"); !errors.Is(err, ErrStopped) {
			t.Errorf("closed with %v", err)
		}
		if l.Post(func() { t.Error("ran after the end") }) {
			t.Error("Post was accepted after the end")
		}
		buf := make([]byte, 10)
		if n, err := peer.Read(buf); string(buf[:n]) != "taken" || err != nil {
			t.Errorf("the peer got %q, %v", buf[:n], err)
		}
		noGoroutines(t)
	})
}

// TestStopBlockedPeer: a pumped peer that reads nothing holds Run for no more than the time it is given.
func TestStopBlockedPeer(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	full := make(chan struct{})
	pair(t, l, true, func(c Conn) Handler {
		push := func() {
			for range 100 {
				if c.Write(make([]byte, 64<<10)) < 64<<10 {
					break
				}
			}
		}
		push()
		l.After(300*time.Millisecond, func() { close(full) })
		return &funcHandler{writable: push}
	})
	await(t, full, "full connection")
	start := time.Now()
	l.Stop()
	await(t, ended, "end of Run")
	if d := time.Since(start); d > stopFlush+2*time.Second {
		t.Errorf("Run took %v to end", d)
	}
	noGoroutines(t)
}

func TestStopWithoutRun(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	l.Post(func() { ran = true })
	l.Stop()
	l.Run()
	if !ran || l.Post(func() {}) {
		t.Errorf("posted before: ran %v", ran)
	}
}

func TestAdoptAfterStop(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	l.Stop()
	a, b := net.Pipe()
	l.Adopt(a, func(Conn) Handler { t.Error("open was called"); return nil })
	if _, err := b.Read(make([]byte, 1)); err == nil {
		t.Error("the connection was not closed")
	}
	l.Dial(Dialer{Network: "tcp", Address: "127.0.0.1:1"}, func(Conn, error) Handler { t.Error("open was called"); return nil })()
}

// TestPanics: a panic in any callback costs its own connection at most.
func TestPanics(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		closed := make(chan error, 1)
		victim := pair(t, l, pumped, func(c Conn) Handler {
			return &funcHandler{
				data:   func([]byte) { panic("data") },
				closed: func(err error) { closed <- err; panic("closed") },
			}
		})
		other := pair(t, l, pumped, func(c Conn) Handler { return newEcho(l, c) })
		flusher := pair(t, l, pumped, func(c Conn) Handler { return &badFlush{l: l} })
		opener := pair(t, l, pumped, func(c Conn) Handler { panic("open") })
		victim.Write([]byte("x"))
		if err := await(t, closed, "Closed"); err == nil || !strings.Contains(err.Error(), "data") {
			t.Errorf("closed with %v", err)
		}
		on(t, l, func() {
			l.Post(func() { panic("posted") })
			l.After(0, func() { panic("timer") })
			l.Defer(flushFunc(func() { panic("flush") }))
		})
		flusher.Write([]byte("x"))
		for _, nc := range []net.Conn{victim, flusher, opener} {
			if n, err := nc.Read(make([]byte, 1)); err == nil {
				t.Errorf("a connection whose handler panicked sent %d bytes", n)
			}
		}
		talk(t, other, 1000)
		for n := 0; l.Panics() < 7 || l.load.Load() != 0; n++ {
			if n == 5000 {
				t.Fatalf("%d panics were counted, want 7; %d connections are left", l.Panics(), l.load.Load())
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// badFlush is a handler that panics in its Flush.
type badFlush struct {
	funcHandler
	l *Loop
}

func (h *badFlush) Data([]byte) { h.l.Defer(h) }

func (h *badFlush) Flush() { panic("flush") }
