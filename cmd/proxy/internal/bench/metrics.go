package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Metrics are the numbers of one sample, by the names below. One that could not be measured is missing.
type Metrics map[string]float64

// The metrics, with their units in the names.
const (
	Rate        = "per_s" // operations that were answered, in a second
	P50         = "p50_us"
	P95         = "p95_us"
	P99         = "p99_us"
	P999        = "p999_us"
	ProxyCPU    = "proxy_cpu_us" // of the process between, for an operation: seconds for a million of them
	RedisCPU    = "redis_cpu_us"
	ProxyRSS    = "proxy_rss_bytes"         // at the end of the sample
	Others      = "other_programs"          // processors that programs other than ours kept busy
	P99Before   = "p99_before_us"           // without the idle clients or the storm
	Connects    = "connections_per_s"       // that the storm made
	PerClient   = "proxy_bytes_per_client"  // resident memory of the process between, for each idle client
	RedisClient = "server_bytes_per_client" // and of the server
	Took        = "took_ms"
	Pause       = "pause_ms" // the longest that another client waited for a PING
)

// Sample is one measurement: of one series (a target, or a way to do it) of one case, in one round.
type Sample struct {
	Case    string  `json:"case"`
	Series  string  `json:"series"`
	Round   int     `json:"round"` // from 0
	Metrics Metrics `json:"metrics"`
}

// median of the values; there must be some.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// better orders two values of a metric: rates are better high, all others low.
func better(metric string, a, b float64) int {
	if metric == Rate || metric == Connects {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// String is a line for whoever watches a run.
func (m Metrics) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, " %s=%.4g", name, m[name])
	}
	return strings.TrimPrefix(b.String(), " ")
}
