package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/oracle"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

var (
	soak     = flag.Duration("soak", 5*time.Second, "how long the soak test runs")
	soakSeed = flag.Uint64("soakseed", uint64(time.Now().UnixNano()), "the seed of its faults")
)

// TestSoak mixes everything under random faults: no reply is another's or out of order, what was acknowledged is there,
// what was told not to have run is not, increments with a token count exactly, and at the end nothing is left over.
func TestSoak(t *testing.T) {
	t.Logf("seed %d", *soakSeed)
	s := redistest.Start(t, durable...)
	relay := faultconn.Start(t, s.Addr, nil)
	cfg := config("redis://" + relay.Addr)
	cfg.Loops, cfg.Upstream.Timeout = 2, 5*time.Second
	p := startReady(t, cfg)
	addr := p.Addrs()[0]
	goroutines := runtime.NumGoroutine()

	ctx, cancel := context.WithTimeout(context.Background(), *soak)
	defer cancel()
	var load sync.WaitGroup
	var total int
	load.Go(func() { total = countOn(ctx, t, addr, 10) })
	var l *oracle.Ledger
	load.Go(func() {
		l = oracle.Run(ctx, oracle.Options{Addr: addr, Conns: 30, Depth: 20, Seed: *soakSeed, Vanish: 0.02, Blocking: true, Transactions: true,
			Errors: map[string]oracle.Outcome{"UNCERTAIN": oracle.Unknown, "UNAVAILABLE": oracle.NotExecuted, "TRYAGAIN": oracle.NotExecuted, "LOADING": oracle.NotExecuted}})
	})
	memory := harass(ctx, t, s, relay, rand.New(rand.NewPCG(*soakSeed, 1)))
	load.Wait()

	settled(t, s)
	t.Logf("%v; %d increments with tokens; heap in use at most %d MiB in the first half, %d MiB in the second", l, total, memory[0]>>20, memory[1]>>20)
	if memory[1] > 2*memory[0]+32<<20 {
		t.Error("memory grows")
	}
	direct := s.Dial(t)
	for _, v := range append(l.Violations(), l.Account(direct)...) {
		t.Error(v)
	}
	if got, want := direct.Do("GET", "counter"), redistest.Bulk(fmt.Sprint(total)); got != want {
		t.Errorf("the counter is %q, want %q", got, want)
	}
	c := redistest.Dial(t, addr)
	eventually(t, "no other client is left", func() bool {
		return strings.Contains(c.Do("PROXY", "INFO"), "connected_clients:1\r\n")
	})
	relay.KillAll(true) // its goroutines are not the proxy's
	eventually(t, fmt.Sprintf("not many more than %d goroutines are left", goroutines), func() bool {
		return runtime.NumGoroutine() <= goroutines+5
	})
}

// countOn increments by ONCE on some connections until the context ends, asking for each until it is answered, and
// returns how many increments were.
func countOn(ctx context.Context, t *testing.T, addr string, clients int) int {
	counts := make([]int, clients)
	var wg sync.WaitGroup
	for id := range clients {
		wg.Go(func() {
			p := &persistent{addr: addr}
			defer p.close()
			for i := 0; ctx.Err() == nil; i++ {
				// The last one is finished too, or it would not be known whether it counts.
				late, cancel := context.WithTimeout(context.Background(), time.Minute)
				reply, err := p.ask(late, "ONCE", fmt.Sprintf("%d-%d", id, i), "PX", "600000", "INCR", "counter")
				cancel()
				if err != nil || reply[0] != ':' {
					t.Errorf("increment %d-%d: %q %v", id, i, reply, err)
					return
				}
				counts[id]++
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

// harass does one harm after another until the context ends, and leaves all well. It returns the largest heap in use
// during either half.
func harass(ctx context.Context, t *testing.T, s *redistest.Server, relay *faultconn.Relay, rng *rand.Rand) (heap [2]uint64) {
	began := time.Now()
	pause := func(most int) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(10+rng.IntN(most)) * time.Millisecond):
		}
	}
	for ctx.Err() == nil {
		switch rng.IntN(7) {
		case 0, 1:
			relay.KillAll(rng.IntN(2) == 0)
		case 2:
			relay.CutNext(rng.IntN(2) == 0, rng.Int64N(2000))
		case 3:
			relay.Stall()
			pause(300)
			relay.Resume()
		case 4:
			relay.Refuse(true)
			relay.KillAll(true)
			pause(300)
			relay.Refuse(false)
		case 5:
			c := s.Dial(t)
			c.Call("SCRIPT", "FLUSH")
			c.Call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			c.Close()
		case 6:
			s.Kill()
			pause(100)
			s.Restart(t)
		}
		pause(200)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		half := min(int(2*time.Since(began) / *soak), 1)
		heap[half] = max(heap[half], m.HeapInuse)
	}
	return heap
}

// settled waits until the server has come to rest.
func settled(t *testing.T, s *redistest.Server) {
	t.Helper()
	c, last := s.Dial(t), ""
	eventually(t, "the server comes to rest", func() bool {
		var now []string
		for line := range strings.Lines(c.Do("INFO", "commandstats")) {
			if !strings.HasPrefix(line, "cmdstat_info") && !strings.HasPrefix(line, "cmdstat_ping") {
				now = append(now, line)
			}
		}
		same := strings.Join(now, "") == last
		last = strings.Join(now, "")
		if !same {
			time.Sleep(100 * time.Millisecond) // two looks are to be apart
		}
		return same
	})
}
