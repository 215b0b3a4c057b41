package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// purgeStep is what purge.step is by default.
var purgeStep = proxy.NewConfig().Purge.Step

// beat sends PING every millisecond until stop is closed, and gives how long each
// took, the shortest first.
func beat(tb testing.TB, c *redistest.Client, stop <-chan struct{}) <-chan []time.Duration {
	out := make(chan []time.Duration, 1)
	go func() {
		var took []time.Duration
		defer func() {
			slices.Sort(took)
			out <- took
		}()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			began := time.Now()
			if _, err := c.Call("PING"); err != nil {
				tb.Error(err)
				return
			}
			took = append(took, time.Since(began))
		}
	}()
	return out
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// slowest asks a server for the commands that kept it busy for longer than its
// threshold: how many, and how long the longest did.
func slowest(c *redistest.Client) (n int, longest time.Duration) {
	for entry := range strings.SplitSeq(c.Do("SLOWLOG", "GET", "1000"), "*6\r\n") {
		fields := strings.Split(entry, "\r\n")
		if len(fields) < 3 || !strings.HasPrefix(fields[2], ":") {
			continue
		}
		us, err := strconv.Atoi(fields[2][1:])
		if err == nil {
			n++
			longest = max(longest, time.Duration(us)*time.Microsecond)
		}
	}
	return n, longest
}

// sweepBeside removes matches of total keys by SWEEP, with a PING every millisecond
// beside it, and returns how long that took, how long the PINGs did with it and,
// for the same time before, without, and the server's own word on its slow commands.
func sweepBeside(tb testing.TB, s *redistest.Server, r *running, matches, others int) (took time.Duration, without, with []time.Duration, slow int, longest time.Duration) {
	tb.Helper()
	populate(tb, s, "sweep:", matches)
	populate(tb, s, "other:", others)
	direct := s.Dial(tb)
	pinger := r.dial(tb)
	stop := make(chan struct{})
	quiet := beat(tb, pinger.Client, stop)
	time.Sleep(time.Second) // the measurement without
	close(stop)
	without = <-quiet
	direct.Do("CONFIG", "SET", "slowlog-max-len", "1000")
	direct.Do("CONFIG", "SET", "slowlog-log-slower-than", strconv.Itoa(int(2*purgeStep/time.Microsecond)))
	direct.Do("SLOWLOG", "RESET")
	stop = make(chan struct{})
	busy := beat(tb, pinger.Client, stop)
	c := r.dial(tb)
	c.Timeout = 10 * time.Minute
	began := time.Now()
	c.must(":"+strconv.Itoa(matches)+"\r\n", "PURGE", "sweep:*", "SWEEP")
	took = time.Since(began)
	close(stop)
	with = <-busy
	slow, longest = slowest(direct)
	if left := dbsize(direct); left != others {
		tb.Errorf("%d keys are left, want the %d that do not match", left, others)
	}
	return took, without, with, slow, longest
}

// TestSweepBeside: a SWEEP of many keys, in steps that each end soon. How soon is
// logged, and judged only by a wide margin: the machine may be loaded.
func TestSweepBeside(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r := startReady(t, before(s))
		took, without, with, slow, longest := sweepBeside(t, s, r, 50_000, 50_000)
		t.Logf("50,000 of 100,000 keys in %v; PING p99 %v, at most %v, without %v and %v; steps over %v: %d, at most %v", took.Round(time.Millisecond),
			quantile(with, 0.99), quantile(with, 1), quantile(without, 0.99), quantile(without, 1), 2*purgeStep, slow, longest)
		if longest > 250*purgeStep {
			t.Errorf("a step has kept the server busy for %v", longest)
		}
		idle(t, r)
	})
}

// BenchmarkSweep measures a SWEEP of 1,000,000 of 2,000,000 keys.
func BenchmarkSweep(b *testing.B) {
	for _, p := range redistest.Programs(b) {
		b.Run(p.Name+" "+p.Version, func(b *testing.B) {
			for b.Loop() {
				s := redistest.StartProgram(b, p)
				r := startReady(b, before(s))
				took, without, with, slow, longest := sweepBeside(b, s, r, 1_000_000, 1_000_000)
				b.ReportMetric(took.Seconds(), "s/sweep")
				for name, d := range map[string]time.Duration{
					"ping-p50": quantile(with, 0.5), "ping-p99": quantile(with, 0.99), "ping-max": quantile(with, 1),
					"ping-without-p50": quantile(without, 0.5), "ping-without-p99": quantile(without, 0.99), "ping-without-max": quantile(without, 1),
					"longest-over-2-steps": longest,
				} {
					b.ReportMetric(float64(d.Microseconds()), "us-"+name)
				}
				b.ReportMetric(float64(slow), "steps-over-2")
				b.ReportMetric(0, "ns/op")
				s.Kill()
			}
		})
	}
}
