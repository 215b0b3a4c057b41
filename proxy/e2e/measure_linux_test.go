package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// sessions is how many keys each user has in the database that fill makes.
const sessions = 1000

// fill writes the keys "user:N:session:M", with M from 0 to 999 and values of 32
// bytes.
func fill(b *testing.B, s *redistest.Server, users int) {
	b.Helper()
	c := s.Dial(b)
	c.Do("FLUSHALL")
	value := strings.Repeat("v", 32)
	for n := range users {
		args := make([]string, 1, 1+2*sessions)
		args[0] = "MSET"
		for m := range sessions {
			args = append(args, fmt.Sprintf("user:%d:session:%d", n, m), value)
		}
		if got := c.Do(args...); got != "+OK\r\n" {
			b.Fatal(got)
		}
	}
	if got := c.Do("DBSIZE"); got != fmt.Sprintf(":%d\r\n", users*sessions) {
		b.Fatalf("DBSIZE = %q", got)
	}
}

// pinger sends PING every millisecond until stop is closed, and returns the
// longest time between a PING and its reply.
func pinger(c *redistest.Client, stop <-chan struct{}) (longest time.Duration, err error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return longest, nil
		case <-tick.C:
		}
		began := time.Now()
		if _, err := c.Call("PING"); err != nil {
			return longest, err
		}
		longest = max(longest, time.Since(began))
	}
}

// BenchmarkPurge measures PURGE on a million keys, and on the 100,000 that it takes
// by default: how long it takes, and how long another client of the proxy waits at
// most meanwhile.
func BenchmarkPurge(b *testing.B) {
	for _, p := range redistest.Programs(b) {
		for _, tt := range []struct {
			name          string
			users         int
			pattern, want string
		}{
			{"1000 of 100000", 100, "user:77:*", ":1000\r\n"},
			{"1000 of 1000000", 1000, "user:77:*", ":1000\r\n"},
			{"100000 of 1000000", 1000, "user:*:session:7??", ":100000\r\n"},
		} {
			b.Run(p.Name+" "+p.Version+"/"+tt.name, func(b *testing.B) {
				s := redistest.StartProgram(b, p)
				cfg := before(s)
				cfg.Purge.MaxScan, cfg.Purge.Limit = int64(tt.users*sessions), 100_000
				r := startReady(b, cfg)
				var took, pause time.Duration
				for b.Loop() {
					b.StopTimer()
					fill(b, s, tt.users)
					c, other := r.dial(b), r.dial(b)
					stop, paused := make(chan struct{}), make(chan time.Duration, 1)
					go func() {
						longest, err := pinger(other.Client, stop)
						if err != nil {
							b.Error(err)
						}
						paused <- longest
					}()
					time.Sleep(50 * time.Millisecond) // the pinger is under way
					b.StartTimer()
					began := time.Now()
					c.must(tt.want, "PURGE", tt.pattern)
					took += time.Since(began)
					close(stop)
					pause = max(pause, <-paused)
				}
				b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/purge")
				b.ReportMetric(float64(pause.Milliseconds()), "ms-pause")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// rss is the memory in use of a process, in bytes.
func rss(b *testing.B, pid int) int {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return n << 10
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// BenchmarkIdleClients measures what 10,000 clients cost that have said one thing
// and are silent since: in the proxy, in the server behind it, and in a server
// that they are connected to directly.
func BenchmarkIdleClients(b *testing.B) {
	const clients = 10_000
	for b.Loop() {
		s := redistest.Start(b, "--maxclients", "12000")
		file := filepath.Join(b.TempDir(), "config.toml")
		if err := os.WriteFile(file, []byte(fmt.Sprintf("[client]\nmax = %d\n", clients+10)), 0o600); err != nil {
			b.Fatal(err)
		}
		p := startChild(b, s, "--config", file)
		measure := func(addr string, pids ...int) []float64 {
			before := make([]int, len(pids))
			for i, pid := range pids {
				before[i] = rss(b, pid)
			}
			var conns []*client
			for range clients {
				c := dial(b, "tcp", addr)
				c.must("+PONG\r\n", "PING")
				conns = append(conns, c)
			}
			time.Sleep(time.Second) // both servers give back what they need no more at leisure
			var each []float64
			for i, pid := range pids {
				each = append(each, float64(rss(b, pid)-before[i])/clients)
			}
			for _, c := range conns {
				c.Close()
			}
			return each
		}
		proxied := measure(p.addr, p.cmd.Process.Pid, s.PID())
		direct := measure(s.Addr, s.PID())
		b.ReportMetric(proxied[0], "B/client-proxy")
		b.ReportMetric(proxied[1], "B/client-redis-behind")
		b.ReportMetric(direct[0], "B/client-redis-direct")
		b.ReportMetric(0, "ns/op")
		p.cmd.Process.Kill()
		s.Kill()
	}
}
