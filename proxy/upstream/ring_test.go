package upstream

import (
	"math/rand/v2"
	"testing"
)

// TestRing compares the ring with a slice, over many pushes and pops.
func TestRing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var r ring
	var model []int64
	next := int64(0)
	for step := range 200_000 {
		if rnd.IntN(100) < 50+step/50_000 && len(model) < 3000 || len(model) == 0 {
			next++
			*r.push() = entry{at: next, text: "x"}
			model = append(model, next)
		} else {
			r.pop()
			model = model[1:]
		}
		if r.len() != len(model) {
			t.Fatalf("step %d: %d entries, want %d", step, r.len(), len(model))
		}
		if len(model) == 0 {
			if r.front() != nil || r.back() != nil {
				t.Fatal("an empty ring has entries")
			}
			continue
		}
		i := rnd.IntN(len(model))
		if r.front().at != model[0] || r.back().at != model[len(model)-1] || r.at(i).at != model[i] {
			t.Fatalf("step %d: front %d, back %d, %d at %d", step, r.front().at, r.back().at, r.at(i).at, i)
		}
	}
	for range model {
		r.pop()
	}
	for i := range r.slots {
		if r.slots[i].sink != nil || r.slots[i].text != "" {
			t.Fatal("a popped entry holds on to what it had")
		}
	}
}

// BenchmarkRing is the cost of one command's entry.
func BenchmarkRing(b *testing.B) {
	var r ring
	for range 100 {
		*r.push() = entry{}
	}
	b.ReportAllocs()
	for b.Loop() {
		*r.push() = entry{at: 1, n: 1, total: 1}
		if r.front().n == 0 {
			r.front().n = 1
		}
		r.pop()
	}
}
