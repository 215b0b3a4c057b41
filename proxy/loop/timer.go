package loop

import "time"

// minDelay keeps a callback that sets itself again from filling a turn.
const minDelay = time.Millisecond

// Timer is a pending call of Loop.After. It belongs to its loop's goroutine.
type Timer struct {
	l     *Loop
	when  int64  // in Loop.Now's terms
	seq   uint64 // equal times fire in the order of After
	f     func()
	index int // in the heap; -1: fired or stopped
}

// After calls f on the loop once d has passed, counted from the turn's start. The clock is coarse: f may come 1 ms late, later if
// the loop is busy; delays under 1 ms count as 1 ms. Loop goroutine only.
func (l *Loop) After(d time.Duration, f func()) *Timer {
	l.timers.seq++
	t := &Timer{l: l, when: l.now + int64(max(d, minDelay)), seq: l.timers.seq, f: f}
	l.timers.push(t)
	return t
}

// Stop prevents the call if it has not been made; stopping twice, or too late, does nothing.
func (t *Timer) Stop() {
	if t.index >= 0 {
		t.l.timers.remove(t.index)
	}
	t.f = nil
}

// fire runs the timers that are due. Callbacks can't make more of them due, because of minDelay.
func (l *Loop) fire() {
	for len(l.timers.heap) > 0 && l.timers.heap[0].when <= l.now {
		t := l.timers.heap[0]
		l.timers.remove(0)
		l.call(t.f)
	}
}

// timerHeap is a 4-ary heap by time. A heap and not a wheel because a loop that has nothing to do must sleep until the next timer
// and not wake for every tick, and since the timers of a loop are few: one per connection at most, mostly stopped or far
// away; with four children to a node, 10,000 of them are seven levels deep and a push at the far end moves nothing.
type timerHeap struct {
	heap []*Timer
	seq  uint64
}

func (h *timerHeap) less(a, b *Timer) bool {
	return a.when < b.when || a.when == b.when && a.seq < b.seq
}

func (h *timerHeap) push(t *Timer) {
	h.heap = append(h.heap, t)
	h.up(len(h.heap)-1, t)
}

// remove takes out the timer at i, by moving the last one to its place.
func (h *timerHeap) remove(i int) {
	h.heap[i].index = -1
	n := len(h.heap) - 1
	last := h.heap[n]
	h.heap[n] = nil
	h.heap = h.heap[:n]
	if i == n {
		return
	}
	h.down(i, last)
	if last.index == i {
		h.up(i, last)
	}
}

// up places t at i or nearer to the root.
func (h *timerHeap) up(i int, t *Timer) {
	for i > 0 {
		parent := (i - 1) / 4
		if !h.less(t, h.heap[parent]) {
			break
		}
		h.set(i, h.heap[parent])
		i = parent
	}
	h.set(i, t)
}

// down places t at i or farther from the root.
func (h *timerHeap) down(i int, t *Timer) {
	n := len(h.heap)
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		least := child
		for k := child + 1; k < min(child+4, n); k++ {
			if h.less(h.heap[k], h.heap[least]) {
				least = k
			}
		}
		if !h.less(h.heap[least], t) {
			break
		}
		h.set(i, h.heap[least])
		i = least
	}
	h.set(i, t)
}

func (h *timerHeap) set(i int, t *Timer) {
	h.heap[i] = t
	t.index = i
}
