package faultconn

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startEcho serves connections that get back what they send, until their end.
func startEcho(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go acceptEcho(ln)
	return ln.Addr().String()
}

func acceptEcho(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			io.Copy(c, c)
			c.Close()
		}()
	}
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c.(*net.TCPConn)
}

func always(f Faults) Plan { return func(int, *rand.Rand) Faults { return f } }

func TestPassesUnchanged(t *testing.T) {
	echo := startEcho(t)
	for name, f := range map[string]Faults{
		"plain":  {},
		"sliced": {Up: Path{Slice: 1}, Down: Path{Slice: 3}},
		"slow":   {Down: Path{Slice: 400, Delay: time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			relay := Start(t, echo, always(f))
			c := dial(t, relay.Addr)
			want := bytes.Repeat([]byte("0123456789"), 2000)
			go func() { c.Write(want); c.CloseWrite() }()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes of %d came back, %v", len(got), len(want), err)
			}
			if up, down := relay.Passed(); up != int64(len(want)) || down != int64(len(want)) {
				t.Errorf("Passed() = %d, %d", up, down)
			}
		})
	}
}

// exchange sends message and reads to the end. A reset may come as early as within the connecting.
func exchange(addr, message string) ([]byte, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, message)
	return io.ReadAll(c)
}

func TestCutAtEachByte(t *testing.T) {
	const message = "hello, world"
	echo := startEcho(t)
	for _, reset := range []bool{false, true} {
		for after := range len(message) + 1 {
			for name, f := range map[string]Faults{
				"up":   {Up: Path{Cut: true, After: int64(after), Reset: reset, Slice: 5}},
				"down": {Down: Path{Cut: true, After: int64(after), Reset: reset}},
			} {
				relay := Start(t, echo, always(f))
				got, err := exchange(relay.Addr, message)
				if name == "down" && (len(got) != after || !strings.HasPrefix(message, string(got))) {
					t.Errorf("down, cut after %d: got %q", after, got)
				}
				if up, _ := relay.Passed(); name == "up" && up != int64(after) {
					t.Errorf("up, cut after %d: %d bytes passed", after, up)
				}
				// An orderly close with unread bytes in the socket is a reset as well, so only one way is certain.
				if reset && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%s, cut after %d: %v, want a reset", name, after, err)
				}
				relay.Close()
			}
		}
	}
}

func TestOrderlyCutIsEOF(t *testing.T) {
	relay := Start(t, startEcho(t), always(Faults{Down: Path{Cut: true, After: 3}}))
	c := dial(t, relay.Addr)
	io.WriteString(c, "abc")
	if got, err := io.ReadAll(c); err != nil || string(got) != "abc" {
		t.Errorf("read %q, %v; want abc and an orderly end", got, err)
	}
}

func TestStall(t *testing.T) {
	relay := Start(t, startEcho(t), nil)
	c := dial(t, relay.Addr)
	buf := make([]byte, 10)
	relay.Stall()
	io.WriteString(c, "abc")
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(buf); err == nil {
		t.Errorf("%q came through a stalled relay", buf[:n])
	}
	relay.Resume()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, buf[:3]); err != nil || string(buf[:3]) != "abc" {
		t.Errorf("after Resume: %q, %v", buf[:3], err)
	}
}

func TestStallAfter(t *testing.T) {
	relay := Start(t, startEcho(t), always(Faults{Down: Path{Stall: true, StallAfter: 2}}))
	c := dial(t, relay.Addr)
	io.WriteString(c, "abc")
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	got, err := io.ReadAll(c)
	var timeout net.Error
	if string(got) != "ab" || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("read %q, %v; want ab and silence", got, err)
	}
}

func TestKillAllRefuseAndLeaks(t *testing.T) {
	echo := startEcho(t)
	before := runtime.NumGoroutine()
	relay := Start(t, echo, nil)
	var conns []*net.TCPConn
	for range 20 {
		c := dial(t, relay.Addr)
		io.WriteString(c, "x")
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	if n := relay.KillAll(true); n != 20 {
		t.Errorf("KillAll = %d", n)
	}
	for _, c := range conns {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after KillAll: %v", err)
		}
	}
	relay.Refuse(true)
	c := dial(t, relay.Addr)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a refused connection could be read")
	}
	if relay.Opened() != 20 {
		t.Errorf("Opened() = %d", relay.Opened())
	}
	relay.Close()
	if n := relay.Open(); n != 0 {
		t.Errorf("%d connections open after Close", n)
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond) // the echo's own goroutines end by themselves
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

func TestPlanIsSeeded(t *testing.T) {
	record := func(seed uint64) (got []int64) {
		relay := StartSeeded(t, startEcho(t), seed, func(n int, rng *rand.Rand) Faults {
			got = append(got, int64(n), rng.Int64())
			return Faults{Up: Path{Cut: true}}
		})
		for range 3 {
			exchange(relay.Addr, "x")
		}
		relay.Close()
		return got
	}
	a, b, c := record(7), record(7), record(8)
	if len(a) != 6 || !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Errorf("plans of seeds 7, 7, 8: %v %v %v", a, b, c)
	}
}
