package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramPercentiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(math.Exp(rng.Float64() * math.Log(float64(10*time.Second)))) // 1 ns to 10 s, each magnitude alike
		h.record(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, p := range []float64{0, 0.1, 0.5, 0.95, 0.99, 0.999, 0.9999, 1} {
		got, want := h.percentile(p), all[min(int(p*float64(len(all))), len(all)-1)]
		if got < want || float64(got) > float64(want)*(1+1.0/subs) {
			t.Errorf("p%v = %v, want %v", 100*p, got, want)
		}
	}
}

func TestHistogramEdges(t *testing.T) {
	var h histogram
	if got := h.percentile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	h.record(-time.Second) // a clock that was set back
	h.record(0)
	h.record(time.Hour) // beyond the last bucket
	if got := h.percentile(0.5); got != 0 {
		t.Errorf("median of -1 s, 0 and 1 h: %v", got)
	}
	if got, want := h.percentile(1), time.Duration(1<<maxBit-1); got != want {
		t.Errorf("largest: %v, want %v", got, want)
	}
}

// Every value falls into a bucket that holds it, and buckets don't overlap.
func TestBuckets(t *testing.T) {
	for i := range len(histogram{}.counts) {
		if got := bucket(uint64(upper(i))); got != i {
			t.Fatalf("the upper end of bucket %d, %d, is in %d", i, upper(i), got)
		}
		if got := bucket(uint64(upper(i)) + 1); got != i+1 && i < len(histogram{}.counts)-1 {
			t.Fatalf("what follows the upper end of bucket %d is in %d", i, got)
		}
	}
}
