package oracle

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

func TestServersAreRight(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		l := Run(context.Background(), Options{Addr: s.Addr, Conns: 8, Depth: 20, Batches: 60, Seed: 1, Vanish: 0.1,
			Blocking: true, Transactions: true})
		t.Log(l)
		for _, v := range append(l.Violations(), l.Account(s.Dial(t))...) {
			t.Error(v)
		}
		if l.Right < 1000 || l.Vanished == 0 || l.Unknown() == 0 {
			t.Errorf("hardly a load: %v", l)
		}
	})
}

func TestCutConnectionsAreNoViolation(t *testing.T) {
	s := redistest.Start(t)
	relay := faultconn.StartSeeded(t, s.Addr, 3, func(n int, rng *rand.Rand) faultconn.Faults {
		cut := faultconn.Path{Cut: true, After: rng.Int64N(20000), Reset: n%2 == 0}
		if n%3 == 0 {
			return faultconn.Faults{Up: cut}
		}
		return faultconn.Faults{Down: cut}
	})
	l := Run(context.Background(), Options{Addr: relay.Addr, Conns: 8, Depth: 20, Batches: 60, Seed: 2, Blocking: true,
		Transactions: true})
	t.Log(l)
	relay.Close()
	time.Sleep(50 * time.Millisecond) // what the server has in its sockets still runs
	for _, v := range append(l.Violations(), l.Account(s.Dial(t))...) {
		t.Error(v)
	}
	if l.Closed == 0 {
		t.Error("no connection was cut")
	}
}

// lie makes a reply of the honest one to the n-th command of all connections. It may ask the upstream more.
type lie func(n int64, args []string, c *redistest.FakeConn, honest func() string) string

func startLiar(t *testing.T, upstream string, l lie) string {
	t.Helper()
	var n atomic.Int64
	return redistest.Fake(t, upstream, func(c *redistest.FakeConn, args []string) string {
		return l(n.Add(1), args, c, func() string { return c.Forward(args...) })
	})
}

// Each lie must be found out, by a reply or by the accounting.
func TestLiesAreFound(t *testing.T) {
	s := redistest.Start(t)
	var kept atomic.Pointer[string] // somebody's earlier reply
	lies := map[string]lie{
		"somebody else's reply": func(n int64, args []string, _ *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if args[0] == "ECHO" {
				if old := kept.Swap(&reply); old != nil && n > 200 {
					return *old
				}
			}
			return reply
		},
		"a reply missing": func(n int64, _ []string, _ *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if n == 200 {
				return ""
			}
			return reply
		},
		"a reply twice": func(n int64, _ []string, _ *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if n == 200 {
				return reply + reply
			}
			return reply
		},
		"run twice": func(n int64, args []string, _ *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if args[0] == "RPUSH" || args[0] == "INCR" {
				reply = honest()
			}
			return reply
		},
		"a list element twice, its length told as if once": func(n int64, args []string, _ *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if args[0] == "RPUSH" && n > 100 && n < 200 {
				honest()
			}
			return reply
		},
		"acknowledged, not run": func(n int64, args []string, _ *redistest.FakeConn, honest func() string) string {
			if args[0] == "SET" && n%2 == 0 {
				return "+OK\r\n"
			}
			return honest()
		},
		"said not to have run, and ran": func(n int64, args []string, _ *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if args[0] == "RPUSH" && n%10 == 0 {
				return "-UNAVAILABLE not sent\r\n"
			}
			return reply
		},
		"an error nobody allowed": func(n int64, _ []string, _ *redistest.FakeConn, honest func() string) string {
			if n == 200 {
				return "-OOPS\r\n"
			}
			return honest()
		},
		"no RESP": func(n int64, _ []string, _ *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if n == 200 {
				return "HTTP/1.1 200 OK\r\n" + reply
			}
			return reply
		},
		"an expiry nobody asked for": func(n int64, args []string, c *redistest.FakeConn, honest func() string) string {
			reply := honest()
			if n > 100 && args[0] == "INCR" {
				c.Forward("DEL", args[1])
			}
			return reply
		},
	}
	for name, l := range lies {
		t.Run(name, func(t *testing.T) {
			run := strings.ReplaceAll(name, " ", "-")
			addr := startLiar(t, s.Addr, l)
			ledger := Run(context.Background(), Options{Addr: addr, Conns: 4, Depth: 10, Batches: 30, Seed: 3, Run: run,
				Largest: 60, ReplyTimeout: time.Second})
			found := append(ledger.Violations(), ledger.Account(s.Dial(t))...)
			if len(found) == 0 {
				t.Errorf("not found: %v", ledger)
			}
		})
	}
}

// Errors of the proxy's own must not count as wrong, and what they say must be believed.
func TestAllowedErrors(t *testing.T) {
	s := redistest.Start(t)
	addr := startLiar(t, s.Addr, func(n int64, _ []string, _ *redistest.FakeConn, honest func() string) string {
		switch n % 30 {
		case 7:
			return "-UNAVAILABLE not sent\r\n"
		case 17:
			return "-UNCERTAIN not run\r\n"
		case 27:
			honest()
			return "-UNCERTAIN run\r\n"
		}
		return honest()
	})
	l := Run(context.Background(), Options{Addr: addr, Conns: 4, Depth: 10, Batches: 50, Seed: 4, Blocking: true})
	t.Log(l)
	for _, v := range append(l.Violations(), l.Account(s.Dial(t))...) {
		t.Error(v)
	}
	if l.Errors["UNAVAILABLE"] == 0 || l.Errors["UNCERTAIN"] == 0 || l.Unknown() != l.Errors["UNCERTAIN"] {
		t.Errorf("errors %v, %d unknown", l.Errors, l.Unknown())
	}
}

func TestSeedDecidesWhatIsSent(t *testing.T) {
	sent := func(seed uint64) string {
		w := newWorker(Options{Seed: seed}.withDefaults(), 0)
		var b strings.Builder
		for range 100 {
			for _, r := range w.pick() {
				io.WriteString(&b, r.wire)
			}
		}
		return b.String()
	}
	one, again, two := sent(1), sent(1), sent(2)
	if one != again || one == two {
		t.Error("the seed does not decide")
	}
}

func TestFifo(t *testing.T) {
	for _, c := range []struct {
		steps string // a1: push 1 acknowledged; u1: push 1 of unknown outcome; p1: pop gave 1; e: pop found nothing; l: pop of unknown outcome
		ok    bool
	}{
		{"a1 a2 p1 p2 e", true},
		{"a1 a2 p2", false},
		{"a1 p1 p1", false},
		{"a1 e", false},
		{"a1 l e", true},
		{"a1 a2 l p2", true},
		{"a1 a2 l p1 p2", true},
		{"a1 a2 a3 l p3", false},
		{"u1 a2 p2 p1", true},
		{"u1 e", true},
		{"p9", false},
	} {
		var f fifo
		ok := true
		for step := range strings.FieldsSeq(c.steps) {
			switch step[0] {
			case 'a', 'u':
				f.settle(step[1:], step[0] == 'a')
			case 'p':
				ok = ok && f.popped(step[1:])
			case 'e':
				ok = ok && f.empty()
			case 'l':
				f.lost++
			}
		}
		if ok != c.ok {
			t.Errorf("%s: %v, want %v", c.steps, ok, c.ok)
		}
	}
}

func TestRegisterAndCounter(t *testing.T) {
	var r register
	r.wrote("a")
	r.unsure("b")
	for _, c := range []struct {
		value string
		want  bool
	}{{"a", true}, {"b", true}, {"b", true}, {"a", false}, {"c", false}} {
		if got := r.saw(c.value); got != c.want {
			t.Errorf("saw(%s) = %v", c.value, got)
		}
	}
	r.wrote("c")
	if r.saw("b") {
		t.Error("a value of unknown outcome that had run was taken a second time")
	}
	c := counter{value: 5, maybe: 2}
	if c.saw(5) || c.saw(9) || !c.saw(7) || c.maybe != 1 || !c.canBe(8) || c.canBe(9) || c.canBe(6) {
		t.Errorf("counter: %+v", c)
	}
	if got := fmt.Sprint(integer(":12\r\n")); got != "12 true" {
		t.Error(got)
	}
}
