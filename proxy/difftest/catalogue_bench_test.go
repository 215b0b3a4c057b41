package difftest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// BenchmarkPolyfill compares 50 connections that send a command of the catalogue through the proxy with 50 that send the
// EVALSHA that becomes of it to the same server. It takes turns, several times, and reports the median of the ratios of the
// times, and both rates.
func BenchmarkPolyfill(b *testing.B) {
	defaults := proxy.NewConfig()
	rg, err := commands.Load(scripts.FS, commands.Settings{PurgeMaxScan: defaults.Purge.MaxScan, PurgeLimit: defaults.Purge.Limit})
	if err != nil {
		b.Fatal(err)
	}
	s := redistest.Start(b)
	up := commands.Upstream{Scripts: true, Shebang: strings.HasPrefix(s.Dial(b).Do("SCRIPT", "LOAD", "#!lua\nreturn 1"), "$")}
	addr := startConfigured(b, s.Addr, func(*proxy.Config) {})
	for id := range racers {
		s.Dial(b).Do("SET", fmt.Sprintf("c%d", id), "0")
	}
	for _, call := range []string{"INCREX n%d BYINT 1 UBOUND 1000000000", "CAS c%d 0 0", "SET c%d 0 IFEQ 0", "DELIFEQ c%d other"} {
		b.Run(strings.ReplaceAll(call, " ", "_"), func(b *testing.B) {
			var ratios, direct, proxied []float64
			for b.Loop() {
				d := fifty(b, s.Addr, func(id int) string { return rewritten(b, rg, &up, fmt.Sprintf(call, id)) })
				p := fifty(b, addr, func(id int) string { return redistest.Command(strings.Split(fmt.Sprintf(call, id), " ")...) })
				ratios, direct, proxied = append(ratios, d/p), append(direct, d), append(proxied, p)
			}
			b.ReportMetric(median(ratios), "times")
			b.ReportMetric(median(direct), "direct/s")
			b.ReportMetric(median(proxied), "proxied/s")
		})
	}
}

func rewritten(b *testing.B, rg *commands.Registry, up *commands.Upstream, call string) string {
	var args [][]byte
	for w := range strings.FieldsSeq(call) {
		args = append(args, []byte(w))
	}
	frame, _, err := rg.Lookup(args[0]).Rewrite(nil, args, up)
	if err != nil {
		b.Fatal(err.Text)
	}
	return string(frame)
}

// fifty lets 50 connections send their frame, each after the reply to the one before, and returns how many a second.
func fifty(b *testing.B, addr string, frame func(id int) string) float64 {
	const each = 200
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for id := range racers {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			c, err := oracleDial(addr)
			wire := frame(id)
			ready.Done()
			<-begin
			for i := 0; i < each && err == nil; i++ {
				var reply string
				if err = c.Send(wire); err == nil {
					reply, err = c.Receive()
				}
				if err == nil && reply[0] == '-' {
					err = fmt.Errorf("%s", reply)
				}
			}
			if err != nil {
				b.Error(err)
			}
			if c != nil {
				c.Close()
			}
		}()
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return racers * each / time.Since(start).Seconds()
}

func median(l []float64) float64 {
	slices.Sort(l)
	return l[len(l)/2]
}
