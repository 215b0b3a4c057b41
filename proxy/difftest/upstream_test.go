package difftest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/oracle"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// entry is a line of COMMAND, in the form of Redis 7.
func entry(name string, arity int) string {
	return fmt.Sprintf("*10\r\n%s:%d\r\n*1\r\n+fast\r\n:0\r\n:0\r\n:0\r\n*1\r\n+@fast\r\n*0\r\n*0\r\n*0\r\n", redistest.Bulk(name), arity)
}

// withEntries adds lines to COMMAND's reply.
func withEntries(reply string, entries ...string) string {
	header, rest, _ := strings.Cut(reply, "\r\n")
	var n int
	fmt.Sscanf(header, "*%d", &n)
	return fmt.Sprintf("*%d\r\n%s%s", n+len(entries), rest, strings.Join(entries, ""))
}

// TestUnlistedIsPinned has an upstream with commands that nobody has heard of, which keep state on the connection and
// have no flag that tells so. What one client puts there no other may see.
func TestUnlistedIsPinned(t *testing.T) {
	s := redistest.Start(t)
	upstream := redistest.Fake(t, s.Addr, func(c *redistest.FakeConn, args []string) string {
		switch strings.ToLower(args[0]) {
		case "command":
			reply := c.Forward(args...)
			if len(args) == 1 {
				return withEntries(reply, entry("fieldset", 2), entry("fieldget", 1))
			}
			return reply
		case "fieldset":
			c.State = args[1]
			return "+OK\r\n"
		case "fieldget":
			if v, ok := c.State.(string); ok {
				return redistest.Bulk(v)
			}
			return "$-1\r\n"
		}
		return c.Forward(args...)
	})
	addr := startProxy(t, upstream)
	a, b, c := redistest.Dial(t, addr), redistest.Dial(t, addr), redistest.Dial(t, addr)
	must(t, a, "+OK\r\n", "FIELDSET", "of a")
	must(t, b, "+OK\r\n", "fieldset", "of b")
	for range 3 {
		must(t, a, "+OK\r\n", "SET", "k", "v")
		must(t, a, redistest.Bulk("of a"), "FIELDGET")
		must(t, b, redistest.Bulk("of b"), "FIELDGET")
		must(t, c, "$-1\r\n", "FIELDGET")
	}
	a.Close()
	b.Close()
	for range 5 {
		must(t, redistest.Dial(t, addr), "$-1\r\n", "FIELDGET")
	}
}

func must(t *testing.T, c *redistest.Client, want string, args ...string) {
	t.Helper()
	if got := c.Do(args...); got != want {
		t.Errorf("%q: %.200q, want %.200q", args, got, want)
	}
}

// garbage is what an upstream must not say. None of it can be the start of a right reply.
var garbage = []string{
	"$9223372036854775807\r\n", "*9223372036854775807\r\n", "$18446744073709551617\r\n", "$-2\r\n", "*-2\r\n", "$x\r\n", "*x\r\n",
	"%4611686018427387904\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "\x00\x00\x00\x00", "$3\r\nabcdef\r\n", "+OK\n", "$+3\r\nabc\r\n",
	strings.Repeat("*1\r\n", 10000) + ":1\r\n", "*2\r\n:1\r\nx\r\n", ":12x\r\n", "$1000\r\nabc", "*5\r\n+a\r\n", "+an endless line",
}

// TestEvilUpstream has an upstream that breaks the frame now and then. Those whose replies it breaks may get an error or
// lose their connection; nobody gets a wrong reply.
func TestEvilUpstream(t *testing.T) {
	s := redistest.Start(t)
	var evil atomic.Int64
	upstream := redistest.Fake(t, s.Addr, func(c *redistest.FakeConn, args []string) string {
		if args[0] == "GET" && args[1] == "evil" {
			n := evil.Add(1)
			c.Close()
			return garbage[n%int64(len(garbage))]
		}
		return c.Forward(args...)
	})
	addr := startProxy(t, upstream)
	ctx, cancel := context.WithTimeout(context.Background(), loadTime(4*time.Second))
	defer cancel()
	var asking sync.WaitGroup
	asking.Add(1)
	go func() {
		defer asking.Done()
		askForEvil(ctx, t, addr)
	}()
	// The fake passes no blocking command and no transaction on with all its replies.
	l := oracle.Run(ctx, oracle.Options{Addr: addr, Conns: 30, Depth: 20, Seed: 7, Vanish: 0.05})
	asking.Wait()
	quiesce(t, s)
	judge(t, l, s)
	if evil.Load() < int64(len(garbage)) || l.Right < 1000 {
		t.Errorf("hardly a test: %d times evil, %v", evil.Load(), l)
	}
}

// askForEvil sends the request whose reply is garbage, each time on a new connection.
func askForEvil(ctx context.Context, t *testing.T, addr string) {
	for ctx.Err() == nil {
		c, err := oracleDial(addr)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		c.Timeout = 10 * time.Second
		reply, err := c.Call("GET", "evil")
		if err == nil && !redistest.IsError(reply, "UNCERTAIN") && !redistest.IsError(reply, "UNAVAILABLE") {
			t.Errorf("garbage reached a client as %.200q", reply)
		}
		c.Close()
		time.Sleep(20 * time.Millisecond)
	}
}

// TestReplyTooMany has an upstream that says something nobody asked for, while nothing is in flight: the next reply is
// the right one all the same.
func TestReplyTooMany(t *testing.T) {
	s := redistest.Start(t)
	upstream := redistest.Fake(t, s.Addr, func(c *redistest.FakeConn, args []string) string {
		reply := c.Forward(args...)
		if args[0] == "GET" && args[1] == "more" {
			return reply + "+too much\r\n"
		}
		return reply
	})
	c := redistest.Dial(t, startProxy(t, upstream))
	for i := range 20 {
		c.Do("GET", "more")
		v := fmt.Sprintf("value %d", i)
		reply := c.Do("ECHO", v)
		if reply != redistest.Bulk(v) && !redistest.IsError(reply, "UNCERTAIN") && !redistest.IsError(reply, "UNAVAILABLE") {
			t.Fatalf("ECHO %s: %q", v, reply)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// TestHandshakeStall has an upstream that accepts and then says nothing, or stops in the middle of the greeting: a
// client hears within a bounded time that nothing ran, and no reply is shifted once the upstream goes on.
func TestHandshakeStall(t *testing.T) {
	s := redistest.Start(t)
	for _, after := range []int64{0, 1, 5, 30} {
		t.Run(fmt.Sprintf("after %d bytes", after), func(t *testing.T) {
			var silent atomic.Bool
			relay := faultconn.Start(t, s.Addr, func(int, *rand.Rand) faultconn.Faults {
				if silent.Load() {
					return faultconn.Faults{Down: faultconn.Path{Stall: true, StallAfter: after}}
				}
				return faultconn.Faults{}
			})
			addr := startConfigured(t, relay.Addr, func(c *proxy.Config) { c.Upstream.DialTimeout = time.Second })
			c := redistest.Dial(t, addr)
			must(t, c, "+OK\r\n", "SET", "k", "v")
			silent.Store(true)
			relay.KillAll(true)
			c.Timeout = 15 * time.Second
			began := time.Now()
			reply, err := c.Call("INCR", "n")
			if err != nil || !redistest.IsError(reply, "UNAVAILABLE") {
				t.Fatalf("with a silent upstream: %q, %v, want UNAVAILABLE", reply, err)
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("the client waited %v", d)
			}
			silent.Store(false)
			waitUntil(t, "the proxy is well again", func() bool { return c.Do("GET", "k") == redistest.Bulk("v") })
			for i := range 50 {
				v := fmt.Sprintf("value %d", i)
				must(t, c, redistest.Bulk(v), "ECHO", v)
			}
		})
	}
}

func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestBlockedClientGone lets clients go while they are blocked: what is pushed afterwards stays.
func TestBlockedClientGone(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr, direct := startProxy(t, s.Addr), s.Dial(t)
		for range 10 {
			c := redistest.Dial(t, addr)
			if err := c.Send(redistest.Command("BLPOP", "q", "0")); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "the client is blocked", func() bool {
				return strings.Contains(direct.Do("INFO", "clients"), "blocked_clients:1\r\n")
			})
			c.Close()
			waitUntil(t, "nobody is blocked", func() bool {
				return strings.Contains(direct.Do("INFO", "clients"), "blocked_clients:0\r\n")
			})
			must(t, direct, ":1\r\n", "RPUSH", "q", "x")
			must(t, direct, redistest.Bulk("x"), "LPOP", "q")
		}
	})
}

// TestMonitor sees a command that passes the proxy. What the proxy itself says to the upstream is there as well.
func TestMonitor(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr)
		m, c := redistest.Dial(t, addr), redistest.Dial(t, addr)
		must(t, m, "+OK\r\n", "MONITOR")
		must(t, c, "+OK\r\n", "SET", "monitored", "v")
		for {
			line, err := m.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(line, `"SET" "monitored" "v"`+"\r\n") {
				return
			}
		}
	})
}
