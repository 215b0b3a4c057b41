package difftest

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/oracle"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// loadTime is how long a load test runs: with -long as long as a release asks for.
func loadTime(short time.Duration) time.Duration {
	if *long {
		return 30 * time.Second
	}
	return short
}

// judge reports what the oracle found wrong, by replies and in the upstream.
func judge(t *testing.T, l *oracle.Ledger, s *redistest.Server) {
	t.Helper()
	t.Log(l)
	for i, v := range append(l.Violations(), l.Account(s.Dial(t))...) {
		if i == 5 {
			t.Error("and more")
			break
		}
		t.Error(v)
	}
}

// TestIsolation has many clients with unique values, some of which vanish, while upstream connections are killed: not
// one reply may be another's, out of order, or missing.
func TestIsolation(t *testing.T) {
	for name, loops := range map[string]int{"one loop": 1, "two loops": 2} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t)
			addr := startConfigured(t, s.Addr, func(c *proxy.Config) { c.Loops = loops })
			ctx, cancel := context.WithTimeout(context.Background(), loadTime(4*time.Second))
			defer cancel()
			var killing sync.WaitGroup
			killing.Add(1)
			go func() {
				defer killing.Done()
				killConnections(ctx, s)
			}()
			l := oracle.Run(ctx, oracle.Options{Addr: addr, Conns: 200, Depth: 20, Seed: 1, Vanish: 0.02, Blocking: true, Transactions: true})
			killing.Wait()
			quiesce(t, s)
			judge(t, l, s)
			if l.Right < 1000 || l.Errors["UNCERTAIN"] == 0 || l.Vanished == 0 {
				t.Errorf("hardly a test: %v", l)
			}
		})
	}
}

// killConnections kills the server's ordinary clients, but for the caller, every 100 ms until ctx ends.
func killConnections(ctx context.Context, s *redistest.Server) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		conn, err := oracleDial(s.Addr)
		if err != nil {
			continue
		}
		conn.Call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		conn.Close()
	}
}

// quiesce waits until nothing that was sent can still be on its way to the server.
func quiesce(t *testing.T, s *redistest.Server) {
	t.Helper()
	c := s.Dial(t)
	last := ""
	for range 50 {
		var now string
		for _, line := range strings.Split(c.Do("INFO", "commandstats"), "\r\n") {
			if !strings.HasPrefix(line, "cmdstat_info") && !strings.HasPrefix(line, "cmdstat_ping") {
				now += line
			}
		}
		if now == last {
			return
		}
		last = now
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the server does not come to rest")
}

// TestIsolationCutReplies cuts upstream connections within replies, at random bytes, by reset and in order.
func TestIsolationCutReplies(t *testing.T) {
	s := redistest.Start(t)
	relay := faultconn.StartSeeded(t, s.Addr, 5, func(n int, rng *rand.Rand) faultconn.Faults {
		if n%4 == 0 {
			return faultconn.Faults{Down: faultconn.Path{Slice: 1 + rng.IntN(20)}}
		}
		// Beyond the greeting, or no connection would ever come to stand.
		cut := faultconn.Path{Cut: true, After: 5000 + rng.Int64N(300000), Reset: n%2 == 0}
		if n%3 == 0 {
			return faultconn.Faults{Up: cut}
		}
		return faultconn.Faults{Down: cut}
	})
	addr := startProxy(t, relay.Addr)
	ctx, cancel := context.WithTimeout(context.Background(), loadTime(3*time.Second))
	defer cancel()
	l := oracle.Run(ctx, oracle.Options{Addr: addr, Conns: 50, Depth: 20, Seed: 2, Blocking: true, Transactions: true, Largest: 5000})
	relay.KillAll(true)
	quiesce(t, s)
	judge(t, l, s)
	if l.Right < 1000 || relay.Opened() < 5 {
		t.Errorf("hardly a test: %v, %d upstream connections", l, relay.Opened())
	}
}

// TestIsolationStalledUpstream stops the server for a while in mid-load: what comes late belongs to those who asked.
func TestIsolationStalledUpstream(t *testing.T) {
	s := redistest.Start(t)
	addr := startProxy(t, s.Addr)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	done := make(chan *oracle.Ledger, 1)
	go func() {
		done <- oracle.Run(ctx, oracle.Options{Addr: addr, Conns: 50, Depth: 20, Seed: 3, Vanish: 0.1, Transactions: true})
	}()
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		s.Pause(t)
		time.Sleep(300 * time.Millisecond)
		s.Continue(t)
	}
	l := <-done
	quiesce(t, s)
	judge(t, l, s)
}

// TestClientsCutAnywhere breaks the connections between clients and the proxy at random bytes.
func TestClientsCutAnywhere(t *testing.T) {
	s := redistest.Start(t)
	relay := faultconn.StartSeeded(t, startProxy(t, s.Addr), 6, func(n int, rng *rand.Rand) faultconn.Faults {
		cut := faultconn.Path{Cut: true, After: rng.Int64N(20000), Reset: n%2 == 0, Slice: 1 + rng.IntN(3000)}
		if n%3 == 0 {
			return faultconn.Faults{Up: cut}
		}
		return faultconn.Faults{Down: cut}
	})
	ctx, cancel := context.WithTimeout(context.Background(), loadTime(3*time.Second))
	defer cancel()
	l := oracle.Run(ctx, oracle.Options{Addr: relay.Addr, Conns: 30, Depth: 30, Seed: 4, Blocking: true, Transactions: true})
	relay.Close()
	quiesce(t, s)
	judge(t, l, s)
	if len(l.Errors) > 0 {
		t.Errorf("the upstream was well, and clients were told %v", l.Errors)
	}
}

func oracleDial(addr string) (*redistest.Client, error) {
	conn, err := dialTimeout(addr)
	if err != nil {
		return nil, err
	}
	return redistest.NewClient(conn), nil
}
