package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// side is one of the two ways to the server in BenchmarkTransactions.
type side struct {
	name    string
	clients []*transactor
	pids    []int       // the server, and the proxy if there is one
	rates   []float64   // transactions a second, by round
	cpu     [][]float64 // processor microseconds a transaction, by process and round
}

// BenchmarkTransactions measures MULTI, three commands, EXEC: 50 clients through the
// proxy (the program, so that the processors are shared as they will be) beside 200
// clients of the same server directly, in turn, half a second each, in alternating
// order. An operation is one round; the figures are medians of all rounds, the
// ratio's is the median of the rounds' ratios. Processor time a transaction, of
// the server directly, of the server behind the proxy, and of the proxy, says more
// than the ratio where all of them and the clients share the processors:
//
//	go test ./proxy/e2e -run '^$' -bench Transactions -benchtime 10x
func BenchmarkTransactions(b *testing.B) {
	for _, form := range []struct {
		name string
		do   func(*transactor) error
	}{
		{"whole", (*transactor).whole},
		{"waiting", (*transactor).waiting},
	} {
		b.Run(form.name, func(b *testing.B) {
			s := redistest.Start(b)
			p := startChild(b, s)
			sides := [2]side{
				{name: "direct", clients: transactors(b, s.Addr, 200), pids: []int{s.PID()}},
				{name: "proxy", clients: transactors(b, p.addr, 50), pids: []int{s.PID(), p.cmd.Process.Pid}},
			}
			var ratios []float64
			for round := 0; b.Loop(); round++ {
				for i := range sides {
					sides[(i+round)%2].measure(b, form.do)
				}
				ratios = append(ratios, sides[1].rates[round]/sides[0].rates[round])
			}
			b.ReportMetric(median(ratios), "ratio")
			for i := range sides {
				b.ReportMetric(median(sides[i].rates), sides[i].name+"-tx/s")
			}
			b.ReportMetric(median(sides[0].cpu[0]), "direct-server-µs/tx")
			b.ReportMetric(median(sides[1].cpu[0]), "server-µs/tx")
			b.ReportMetric(median(sides[1].cpu[1]), "proxy-µs/tx")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// measure adds one round.
func (x *side) measure(b *testing.B, do func(*transactor) error) {
	b.Helper()
	used := make([]time.Duration, len(x.pids))
	for i, pid := range x.pids {
		used[i] = processorTime(b, pid)
	}
	total, took := runAll(b, x.clients, do)
	x.rates = append(x.rates, float64(total)/took.Seconds())
	for i, pid := range x.pids {
		if len(x.cpu) == i {
			x.cpu = append(x.cpu, nil)
		}
		x.cpu[i] = append(x.cpu[i], float64((processorTime(b, pid)-used[i]).Microseconds())/float64(max(total, 1)))
	}
}

// processorTime is what a process has used so far, in steps of the kernel's clock.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every platform that Go runs on
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before may hold spaces
	fields := strings.Fields(rest)
	sum := 0
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return time.Duration(sum) * tick
}

func transactors(b *testing.B, addr string, n int) []*transactor {
	b.Helper()
	all := make([]*transactor, n)
	for i := range all {
		all[i] = newTransactor(b, addr, i)
	}
	return all
}

// runAll has all clients work for half a second, and returns how many transactions
// they did in what time.
func runAll(b *testing.B, clients []*transactor, do func(*transactor) error) (int64, time.Duration) {
	b.Helper()
	const span = 500 * time.Millisecond
	var total atomic.Int64
	var done sync.WaitGroup
	began := time.Now()
	for _, x := range clients {
		done.Go(func() {
			n := int64(0)
			for time.Since(began) < span {
				if err := do(x); err != nil {
					b.Error(err)
					return
				}
				n++
			}
			total.Add(n)
		})
	}
	done.Wait()
	return total.Load(), time.Since(began)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
