// Package tally counts: events by name, and durations in buckets. It promises to
// cost a few instructions and, in steady state, no allocation. It takes no lock:
// each value belongs to one event loop, and leaves it only as a copy.
package tally

import (
	"math/bits"
	"time"
)

// Count is a number of events since the start.
type Count = uint64

// MaxCounters bounds the names in one Counters. Error codes come from the
// upstream and from scripts, and a name is a time series: without a bound,
// whoever can raise errors could fill the proxy's memory and the monitoring's.
const MaxCounters = 64

// Counters counts by name. The zero value is ready.
type Counters map[string]*Count

// Other is the name that all names beyond the bound are counted under.
const Other = "other"

// Add counts one event of that name. It does not allocate once the name is
// known. Names that are no plain word (letters, digits, "_", "-", at most 32
// bytes), and those beyond MaxCounters, are counted as "other".
func (c *Counters) Add(name []byte) {
	if n, ok := (*c)[string(name)]; ok { // a plain look-up: m[string(b)]++ would allocate
		*n++
		return
	}
	if *c == nil {
		*c = make(Counters)
	}
	key := string(name)
	// One place is kept free for Other.
	if !IsPlainWord(name) || len(*c) >= MaxCounters-1 {
		key = Other
	}
	n := (*c)[key]
	if n == nil {
		n = new(Count)
		(*c)[key] = n
	}
	*n++
}

// IsPlainWord reports whether a name may be counted under itself.
func IsPlainWord(name []byte) bool {
	for _, b := range name {
		if low := b | 0x20; (low < 'a' || low > 'z') && (b < '0' || b > '9') && b != '_' && b != '-' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 32
}

// Clone copies c.
func (c Counters) Clone() Counters {
	out := make(Counters, len(c))
	for k, n := range c {
		copied := *n
		out[k] = &copied
	}
	return out
}

// Of returns the count of a name.
func (c Counters) Of(name string) Count {
	if n := c[name]; n != nil {
		return *n
	}
	return 0
}

// LatencyBuckets is the number of buckets of a Histogram: 1 µs, 2 µs, 4 µs …
// 2^24 µs (16.8 s), and one for all that took longer.
const LatencyBuckets = 26

// Histogram counts durations in buckets of powers of two, whose index is two
// instructions away: fine enough to tell 100 µs from 200 µs, and no finer.
type Histogram struct {
	Counts [LatencyBuckets]Count // Counts[i]: at most 2^i µs and more than 2^(i-1) µs; the last: longer
	Sum    time.Duration
}

// Observe counts one duration; a negative one counts as 0.
func (h *Histogram) Observe(d time.Duration) { h.ObserveMany(d, 1) }

// ObserveMany counts n events of the same duration, such as the replies of one
// batch.
func (h *Histogram) ObserveMany(d time.Duration, n uint64) {
	i := 0
	if d > 0 {
		// Less 1 ns: exactly 2^i µs belongs to bucket i, as le says "at most".
		i = min(bits.Len64(uint64(d-1)/uint64(time.Microsecond)), LatencyBuckets-1)
		h.Sum += d * time.Duration(n)
	}
	h.Counts[i] += n
}

// BucketBound gives the upper bound of bucket i, in seconds; i must be below
// LatencyBuckets-1, for the last has none.
func BucketBound(i int) float64 {
	return (time.Duration(1<<i) * time.Microsecond).Seconds()
}
