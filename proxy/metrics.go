package proxy

import (
	"runtime"
	"strconv"

	"github.com/atomicproxy/atomicproxy/proxy/tally"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// collector turns a Snapshot into metrics when somebody scrapes. Nothing is
// counted through client_golang itself, so the hot path has no atomics for it.
type collector struct {
	stats   Stats
	ready   func() error
	version string
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("atomicproxy_"+name, help, labels, nil)
}

var (
	descBuild     = desc("build_info", "Always 1; the labels tell what runs.", "version", "goversion")
	descReady     = desc("ready", "1 when the upstream answers and the proxy is not shutting down, as /readyz.")
	descClients   = desc("clients", "Clients connected now.", "loop")
	descAccepted  = desc("clients_accepted_total", "Clients that ever connected.", "loop")
	descClosed    = desc("clients_closed_total", "Client connections that ended, by reason.", "reason")
	descCommands  = desc("commands_total", "Commands by how they were dealt with.", "loop", "kind")
	descInFlight  = desc("commands_in_flight", "Commands sent upstream whose reply is not here yet.", "loop")
	descLatency   = desc("command_duration_seconds", "From a command's last byte to its reply's first, of commands that went upstream.")
	descErrors    = desc("error_replies_total", "Error replies from the upstream, to the proxy's own commands too, by their first word.", "code")
	descUpstreams = desc("upstream_connections", "Connections to the upstream, by what they do now.", "loop", "state")
	descReconnect = desc("upstream_reconnects_total", "Upstream connections that were lost and had to be opened again.", "loop")
	descBytes     = desc("client_bytes_total", "Bytes exchanged with clients.", "loop", "direction")
	descUpBytes   = desc("upstream_bytes_total", "Bytes exchanged with the upstream.", "loop", "direction")
	descPurging   = desc("purges_running", "PURGEs with SNAPSHOT or SWEEP that are under way.", "loop")
	descScanned   = desc("purge_scanned_keys_total", "Keys, about, that PURGEs with SNAPSHOT or SWEEP have looked at.", "loop")
	descRemoved   = desc("purge_removed_keys_total", "Keys that PURGE has removed, in any mode.", "loop")
	descSteps     = desc("purge_step_seconds", "How long each step of a PURGE with SNAPSHOT or SWEEP kept the upstream busy, the way there and back taken off.")
	descPanics    = desc("panics_total", "Handlers that panicked; each closed its connection.", "loop")
)

var allDescs = []*prometheus.Desc{descBuild, descReady, descClients, descAccepted, descClosed, descCommands, descInFlight,
	descLatency, descErrors, descUpstreams, descReconnect, descBytes, descUpBytes, descPurging, descScanned, descRemoved, descSteps, descPanics}

// newRegistry has the proxy's metrics and those of the Go runtime and the
// process. It is not the global registry: two servers in one process, as in
// tests, would clash there.
func newRegistry(stats Stats, ready func() error, version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		&collector{stats, ready, version},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.stats.Snapshot()
	e := emitter{ch}
	e.gauge(descBuild, 1, c.version, runtime.Version())
	ready := int64(0)
	if c.ready() == nil {
		ready = 1
	}
	e.gauge(descReady, ready)
	errors, closed := make(map[string]Count), make(map[string]Count)
	var latency, steps Histogram
	for i := range s.Loops {
		l := &s.Loops[i]
		e.loop(strconv.Itoa(i), l)
		addCounters(errors, l.Errors)
		addCounters(closed, l.Closed)
		addHistogram(&latency, &l.Latency)
		addHistogram(&steps, &l.Purge.Steps)
	}
	e.counters(descErrors, errors)
	e.counters(descClosed, closed)
	e.histogram(descLatency, &latency)
	e.histogram(descSteps, &steps)
}

func addHistogram(sum, h *Histogram) {
	sum.Sum += h.Sum
	for b, n := range h.Counts {
		sum.Counts[b] += n
	}
}

// addCounters sums over the loops. Each has its own up to tally.MaxCounters names, so
// the bound is enforced once more on the sum. The exposition format would be
// refused as a whole for one label that is not UTF-8; only plain words pass.
func addCounters(sum map[string]Count, c Counters) {
	for name, n := range c {
		if _, known := sum[name]; !known && (!tally.IsPlainWord([]byte(name)) || len(sum) >= tally.MaxCounters) {
			name = tally.Other
		}
		sum[name] += *n
	}
}

// emitter writes const metrics. Their only failure is a wrong number of labels,
// a slip in this file that any test shows, hence the Must forms.
type emitter struct{ ch chan<- prometheus.Metric }

func (e emitter) gauge(d *prometheus.Desc, v int64, labels ...string) {
	e.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
}

func (e emitter) counter(d *prometheus.Desc, v Count, labels ...string) {
	e.ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func (e emitter) counters(d *prometheus.Desc, m map[string]Count) {
	for name, n := range m {
		e.counter(d, n, name)
	}
}

func (e emitter) loop(loop string, l *LoopStats) {
	e.gauge(descClients, l.Clients, loop)
	e.counter(descAccepted, l.Accepted, loop)
	e.gauge(descInFlight, l.InFlight, loop)
	e.counter(descCommands, l.Commands.Forwarded, loop, "forwarded")
	e.counter(descCommands, l.Commands.Pinned, loop, "pinned")
	e.counter(descCommands, l.Commands.Custom, loop, "custom")
	e.counter(descCommands, l.Commands.Local, loop, "local")
	e.counter(descCommands, l.Commands.Refused, loop, "refused")
	e.gauge(descUpstreams, l.Upstreams.Connecting, loop, "connecting")
	e.gauge(descUpstreams, l.Upstreams.Shared, loop, "shared")
	e.gauge(descUpstreams, l.Upstreams.Pinned, loop, "pinned")
	e.gauge(descUpstreams, l.Upstreams.Free, loop, "free")
	e.counter(descReconnect, l.Reconnects, loop)
	e.counter(descBytes, l.BytesIn, loop, "in")
	e.counter(descBytes, l.BytesOut, loop, "out")
	e.counter(descUpBytes, l.UpstreamBytesIn, loop, "in")
	e.counter(descUpBytes, l.UpstreamBytesOut, loop, "out")
	e.gauge(descPurging, l.Purge.Running, loop)
	e.counter(descScanned, l.Purge.Scanned, loop)
	e.counter(descRemoved, l.Purge.Removed, loop)
	e.counter(descPanics, l.Panics, loop)
}

func (e emitter) histogram(d *prometheus.Desc, h *Histogram) {
	buckets := make(map[float64]uint64, tally.LatencyBuckets-1)
	var total uint64
	for i, n := range h.Counts {
		total += n
		if i < tally.LatencyBuckets-1 {
			buckets[tally.BucketBound(i)] = total
		}
	}
	e.ch <- prometheus.MustNewConstHistogram(d, total, h.Sum.Seconds(), buckets)
}
