package bench

import (
	"math/bits"
	"time"
)

const (
	// subBits makes a bucket's width at most 1/64 of its value: percentiles are exact to 1.6 %.
	subBits = 6
	subs    = 1 << subBits
	// maxBit: what takes longer than 2^40 ns (18 minutes) counts as that.
	maxBit = 40
)

// histogram counts durations, from 1 ns to 18 minutes, without keeping them. The zero value is ready.
type histogram struct {
	counts [(maxBit - subBits + 1) * subs]uint64
	n      uint64
}

func (h *histogram) record(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.n++
}

// bucket: below subs each value has its own; above, a power of two is cut into subs parts.
func bucket(v uint64) int {
	v = min(v, 1<<maxBit-1)
	shift := max(bits.Len64(v)-subBits-1, 0)
	return shift<<subBits + int(v>>shift)
}

// percentile is the duration that the share p of all, from 0 to 1, did not exceed; 0 if there are none.
func (h *histogram) percentile(p float64) time.Duration {
	want, seen := uint64(p*float64(h.n)), uint64(0)
	for i, c := range h.counts {
		if seen += c; c > 0 && (seen > want || seen == h.n) {
			return upper(i)
		}
	}
	return 0
}

// upper is the largest value of a bucket.
func upper(i int) time.Duration {
	shift := max(i>>subBits-1, 0)
	return time.Duration((uint64(i-shift<<subBits)+1)<<shift - 1)
}

// latencies puts the percentiles that a report shows into m.
func (h *histogram) latencies(m Metrics) {
	for name, p := range map[string]float64{P50: 0.5, P95: 0.95, P99: 0.99, P999: 0.999} {
		m[name] = float64(h.percentile(p)) / float64(time.Microsecond)
	}
}
