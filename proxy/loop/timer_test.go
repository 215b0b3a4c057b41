package loop

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestTimers(t *testing.T) {
	l := startLoop(t)
	var got []int
	done := make(chan struct{})
	on(t, l, func() {
		start := l.Now()
		for _, ms := range []int{30, 10, 20, 10, 5} {
			l.After(time.Duration(ms)*time.Millisecond, func() {
				if passed := l.Now() - start; passed < int64(ms)*int64(time.Millisecond) {
					t.Errorf("a timer of %d ms fired after %d ns", ms, passed)
				}
				got = append(got, ms)
			})
		}
		stopped := l.After(time.Millisecond, func() { t.Error("a stopped timer fired") })
		stopped.Stop()
		stopped.Stop()
		late := l.After(15*time.Millisecond, func() { t.Error("a timer fired that another had stopped") })
		l.After(10*time.Millisecond, late.Stop)
		l.After(40*time.Millisecond, func() { close(done) })
	})
	await(t, done, "last timer")
	on(t, l, func() {
		if want := []int{5, 10, 10, 20, 30}; !slices.Equal(got, want) {
			t.Errorf("fired %v, want %v", got, want)
		}
	})
}

// TestTimerRearms: a timer that sets itself again with no delay neither fills a turn nor starves what is posted.
func TestTimerRearms(t *testing.T) {
	l := startLoop(t)
	var fired, start, end int64
	done := make(chan struct{})
	var again func()
	again = func() {
		if fired++; fired == 20 {
			end = l.Now()
			close(done)
			return
		}
		l.After(-1, again)
	}
	on(t, l, func() { start = l.Now(); l.After(-1, again) })
	await(t, done, "20th call")
	on(t, l, func() {
		if took := time.Duration(end - start); took < 20*minDelay {
			t.Errorf("20 calls took %v", took)
		}
	})
}

// TestTimerPunctual: a sleeping loop wakes for its timer.
func TestTimerPunctual(t *testing.T) {
	l := startLoop(t)
	var worst time.Duration
	for range 20 {
		done := make(chan time.Duration, 1)
		l.Post(func() {
			start := time.Now()
			l.After(5*time.Millisecond, func() { done <- time.Since(start) })
		})
		worst = max(worst, await(t, done, "timer"))
	}
	t.Logf("worst of 20 timers of 5 ms: %v", worst)
	if worst > 500*time.Millisecond {
		t.Errorf("a timer of 5 ms took %v", worst)
	}
}

// TestTimerHeap compares the heap with a sorted list, under pushes and removals at random.
func TestTimerHeap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		l := &Loop{}
		var want []*Timer
		for range rnd.IntN(300) {
			if len(want) > 0 && rnd.IntN(3) == 0 {
				i := rnd.IntN(len(want))
				want[i].Stop()
				want = slices.Delete(want, i, i+1)
				continue
			}
			want = append(want, l.After(time.Duration(1+rnd.IntN(50))*time.Millisecond, func() {}))
		}
		slices.SortStableFunc(want, func(a, b *Timer) int { return int(a.when - b.when) })
		for i, w := range want {
			if l.timers.heap[0] != w {
				t.Fatalf("round %d: timer %d of %d is not the expected one", round, i, len(want))
			}
			l.timers.remove(0)
		}
		if n := len(l.timers.heap); n != 0 {
			t.Fatalf("round %d: %d timers are left", round, n)
		}
	}
}
