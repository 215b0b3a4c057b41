package proxy

import (
	"errors"
	"fmt"
	"github.com/atomicproxy/atomicproxy/proxy/tally"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fakeStats serves a fixed snapshot, or waits for ever when told to.
type fakeStats struct {
	s     Snapshot
	block chan struct{}
}

func (f *fakeStats) Snapshot() Snapshot {
	if f.block != nil {
		<-f.block
	}
	return f.s
}

func fetch(t *testing.T, h http.Handler, method, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
	body, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Code, string(body)
}

func testAdminHandler(stats Stats, ready error) http.Handler {
	return NewAdmin(AdminOptions{Stats: stats, Ready: func() error { return ready }, Version: "v1.2.3"}).server.Handler
}

func exampleStats() *fakeStats {
	a := LoopStats{Clients: 3, Accepted: 10, InFlight: 2, Reconnects: 4, Panics: 1,
		Commands:  CommandCounts{Forwarded: 100, Pinned: 20, Custom: 5, Local: 7, Refused: 9},
		Upstreams: UpstreamCounts{Connecting: 1, Shared: 2, Pinned: 3, Free: 4},
		BytesIn:   1000, BytesOut: 2000, UpstreamBytesIn: 3000, UpstreamBytesOut: 4000}
	a.Errors.Add([]byte("WRONGTYPE"))
	a.Closed.Add([]byte("output_limit"))
	a.Latency.Observe(1500 * time.Nanosecond)
	b := LoopStats{Clients: 5}
	b.Errors.Add([]byte("WRONGTYPE"))
	b.Errors.Add([]byte("bad\xff\n\"name"))
	b.Latency.Observe(time.Hour)
	return &fakeStats{s: Snapshot{Loops: []LoopStats{a, b}}}
}

func TestMetricsExposition(t *testing.T) {
	code, body := fetch(t, testAdminHandler(exampleStats(), nil), "GET", "/metrics")
	if code != 200 {
		t.Fatalf("%d\n%s", code, body)
	}
	for _, want := range []string{
		`atomicproxy_build_info{goversion="go`,
		"atomicproxy_ready 1",
		`atomicproxy_clients{loop="0"} 3`,
		`atomicproxy_clients{loop="1"} 5`,
		`atomicproxy_clients_accepted_total{loop="0"} 10`,
		`atomicproxy_clients_closed_total{reason="output_limit"} 1`,
		`atomicproxy_commands_in_flight{loop="0"} 2`,
		`atomicproxy_commands_total{kind="forwarded",loop="0"} 100`,
		`atomicproxy_commands_total{kind="pinned",loop="0"} 20`,
		`atomicproxy_commands_total{kind="custom",loop="0"} 5`,
		`atomicproxy_commands_total{kind="local",loop="0"} 7`,
		`atomicproxy_commands_total{kind="refused",loop="0"} 9`,
		`atomicproxy_upstream_connections{loop="0",state="connecting"} 1`,
		`atomicproxy_upstream_connections{loop="0",state="shared"} 2`,
		`atomicproxy_upstream_connections{loop="0",state="pinned"} 3`,
		`atomicproxy_upstream_connections{loop="0",state="free"} 4`,
		`atomicproxy_upstream_reconnects_total{loop="0"} 4`,
		`atomicproxy_client_bytes_total{direction="in",loop="0"} 1000`,
		`atomicproxy_client_bytes_total{direction="out",loop="0"} 2000`,
		`atomicproxy_upstream_bytes_total{direction="in",loop="0"} 3000`,
		`atomicproxy_upstream_bytes_total{direction="out",loop="0"} 4000`,
		`atomicproxy_panics_total{loop="0"} 1`,
		`atomicproxy_error_replies_total{code="WRONGTYPE"} 2`,
		`atomicproxy_error_replies_total{code="other"} 1`,
		`atomicproxy_command_duration_seconds_bucket{le="1e-06"} 0`,
		`atomicproxy_command_duration_seconds_bucket{le="2e-06"} 1`,
		`atomicproxy_command_duration_seconds_bucket{le="16.777216"} 1`,
		`atomicproxy_command_duration_seconds_bucket{le="+Inf"} 2`,
		"atomicproxy_command_duration_seconds_count 2",
		"atomicproxy_command_duration_seconds_sum 3600.0000015",
		"go_goroutines ",
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("missing: %s", want)
		}
	}
	for _, d := range allDescs {
		name := strings.Split(strings.TrimPrefix(d.String(), `Desc{fqName: "`), `"`)[0]
		if !strings.Contains(body, "# HELP "+name+" ") {
			t.Errorf("%s is described but never emitted", name)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestReadyMetricFollowsReady(t *testing.T) {
	_, body := fetch(t, testAdminHandler(exampleStats(), errors.New("x")), "GET", "/metrics")
	if !strings.Contains(body, "\natomicproxy_ready 0\n") {
		t.Error("a proxy that is not ready says atomicproxy_ready 1")
	}
}

func TestHistogramBuckets(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-1: 0, 0: 0, 1: 0, time.Microsecond: 0, time.Microsecond + 1: 1, 2 * time.Microsecond: 1, 2*time.Microsecond + 1: 2,
		4 * time.Microsecond: 2, time.Millisecond: 10, 1<<24*time.Microsecond - 1: 24, 1 << 24 * time.Microsecond: 24,
		1<<24*time.Microsecond + 1: 25, time.Hour: 25, 1<<63 - 1: 25,
	} {
		var h Histogram
		h.Observe(d)
		if h.Counts[want] != 1 {
			t.Errorf("%v: %v, want it in bucket %d", d, h.Counts, want)
		}
		if want < tally.LatencyBuckets-1 && d.Seconds() > tally.BucketBound(want) {
			t.Errorf("%v is above the bound %v of its bucket", d, tally.BucketBound(want))
		}
		if want > 0 && d.Seconds() <= tally.BucketBound(want-1) {
			t.Errorf("%v is within the bound %v of the bucket before", d, tally.BucketBound(want-1))
		}
	}
	var h Histogram
	h.ObserveMany(3*time.Microsecond, 4)
	if h.Counts[2] != 4 || h.Sum != 12*time.Microsecond {
		t.Errorf("%+v", h)
	}
}

// Whoever can choose error codes must not be able to grow the map, or the
// number of time series, without end.
func TestCountersAreBounded(t *testing.T) {
	var c Counters
	for i := range 10_000 {
		c.Add(fmt.Appendf(nil, "CODE%d", i))
	}
	if len(c) > tally.MaxCounters || c.Of("CODE0") != 1 || c.Of(tally.Other) != 10_000-(tally.MaxCounters-1) {
		t.Errorf("%d names, CODE0 %d, other %d", len(c), c.Of("CODE0"), c.Of(tally.Other))
	}
	for _, bad := range []string{"", "a b", "a\n", "é", strings.Repeat("x", 33)} {
		before := c.Of(tally.Other)
		c.Add([]byte(bad))
		if c.Of(tally.Other) != before+1 {
			t.Errorf("%q was not counted as other", bad)
		}
	}
	sum := make(map[string]Count)
	for loop := range 4 {
		var c Counters
		for i := range tally.MaxCounters {
			c.Add(fmt.Appendf(nil, "L%dC%d", loop, i))
		}
		addCounters(sum, c)
	}
	if len(sum) > tally.MaxCounters+1 {
		t.Errorf("%d names in the sum of four loops", len(sum))
	}
	var total Count
	for _, n := range sum {
		total += n
	}
	if total != 4*tally.MaxCounters {
		t.Errorf("%d events in the sum, want %d", total, 4*tally.MaxCounters)
	}
}

func TestHistogramDoesNotAllocate(t *testing.T) {
	var l LoopStats
	if n := testing.AllocsPerRun(100, func() { l.Latency.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func TestCloneIsIndependent(t *testing.T) {
	var l LoopStats
	l.Errors.Add([]byte("A"))
	c := l.Clone()
	l.Errors.Add([]byte("A"))
	l.Closed.Add([]byte("x"))
	if c.Errors.Of("A") != 1 || len(c.Closed) != 0 {
		t.Errorf("%v %v", c.Errors, c.Closed)
	}
}

func BenchmarkHistogramObserve(b *testing.B) {
	var h Histogram
	for i := range b.N {
		h.Observe(time.Duration(i))
	}
}
