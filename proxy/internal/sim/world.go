package sim

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// World is a virtual event loop and its network. It is an upstream.World.
type World struct {
	Rnd    *rand.Rand
	Server *Server
	// Steps counts turns of the loop.
	Steps int
	// Breaks counts the connections that the proxy lost by Cut or Die, as it
	// learnt of them.
	Breaks int
	// Check runs at the end of every turn.
	Check func()
	// Latency bounds how long bytes are on the way, and DialTimeout how long a
	// connection to a server that does not accept is tried.
	Latency, DialTimeout time.Duration
	// Pieces is how often, in percent, what is on the way arrives in pieces.
	Pieces int

	calm   bool
	now    int64
	seq    uint64
	events eventHeap
	posted []func()
	dirty  []loop.Flusher
	conns  []*Conn // open on the proxy's side, in the order of their ids
	nconn  int
	lines  []string // of the trace, as far as it is kept
	traced bool
}

// NewWorld returns a world that does what the seed says.
func NewWorld(seed uint64) *World {
	w := &World{
		Rnd:     rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)),
		Latency: time.Millisecond, DialTimeout: time.Second, Pieces: 30,
		now: int64(time.Hour),
	}
	w.Server = newServer(w)
	return w
}

// Calm makes the network a good one: what is written arrives at once and whole.
// For tests of one thing at a time.
func (w *World) Calm() {
	w.calm = true
	w.Latency, w.Pieces = 10*time.Microsecond, 0
}

// Failure is what Fail panics with.
type Failure struct{ Text string }

// Fail ends the run: something happened that must not.
func (w *World) Fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.Tracef("FAILURE %s", text)
	panic(Failure{text})
}

// Record turns the trace on.
func (w *World) Record() { w.traced = true }

// Traced reports whether the trace is on, so that texts for it are worth making.
func (w *World) Traced() bool { return w.traced }

// Tracef adds a line to the trace.
func (w *World) Tracef(format string, args ...any) {
	if !w.traced {
		return
	}
	const most = 100_000
	if len(w.lines) >= 2*most {
		w.lines = append(w.lines[:0], w.lines[most:]...)
	}
	at := time.Duration(w.now) - time.Hour
	w.lines = append(w.lines, fmt.Sprintf("%12s  ", at)+fmt.Sprintf(format, args...))
}

// Trace returns the last n lines of the trace.
func (w *World) Trace(n int) []string { return w.lines[max(0, len(w.lines)-n):] }

type event struct {
	at    int64
	seq   uint64
	f     func()
	index int // in the heap; -1: not there
}

type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *eventHeap) Push(x any) {
	e := x.(*event)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}

type timer struct {
	w *World
	e *event
}

// Stop takes the call back, if it has not been made.
func (t timer) Stop() {
	if t.e.index >= 0 {
		heap.Remove(&t.w.events, t.e.index)
	}
}

// Now is the virtual time in nanoseconds.
func (w *World) Now() int64 { return w.now }

// After calls f when d of virtual time has passed.
func (w *World) After(d time.Duration, f func()) upstream.Timer {
	w.seq++
	e := &event{at: w.now + max(int64(d), 0), seq: w.seq, f: f}
	heap.Push(&w.events, e)
	return timer{w, e}
}

// Soon calls f after a random time of at most Latency.
func (w *World) Soon(f func()) upstream.Timer {
	return w.After(time.Duration(w.Rnd.Int64N(int64(w.Latency)+1)), f)
}

// Post calls f at the end of this turn, before the flushes, as a loop does.
func (w *World) Post(f func()) { w.posted = append(w.posted, f) }

// Defer calls f.Flush at the end of this turn.
func (w *World) Defer(f loop.Flusher) { w.dirty = append(w.dirty, f) }

// Rand is a random number in [0,1).
func (w *World) Rand() float64 { return w.Rnd.Float64() }

// Step makes one turn of the loop: one event, often several that came meanwhile,
// then what was posted, then the flushes. False: nothing is left to happen.
func (w *World) Step() bool {
	if len(w.events) == 0 && len(w.posted) == 0 {
		return false
	}
	if len(w.events) > 0 {
		w.now = max(w.now, w.events[0].at+w.Rnd.Int64N(int64(w.Latency)/4+1))
		for n := 0; n < 16 && len(w.events) > 0 && w.events[0].at <= w.now; n++ {
			heap.Pop(&w.events).(*event).f()
		}
	}
	w.Steps++
	w.endTurn()
	return true
}

func (w *World) endTurn() {
	for i := 0; i < len(w.posted); i++ {
		w.posted[i]()
	}
	w.posted = w.posted[:0]
	for i := 0; i < len(w.dirty); i++ {
		if i > 100_000 {
			w.Fail("the flushes of one turn never end")
		}
		w.dirty[i].Flush()
	}
	w.dirty = w.dirty[:0]
	if w.Check != nil {
		w.Check()
	}
}

// RunFor makes turns until d of virtual time has passed or nothing is left to
// happen.
func (w *World) RunFor(d time.Duration) {
	end := w.now + int64(d)
	w.endTurn() // of what was done from outside
	for len(w.events) > 0 && w.events[0].at <= end {
		w.Step()
	}
	w.now = max(w.now, end)
}

var (
	errRefused = errors.New("sim: connection refused")
	errTimeout = errors.New("sim: connection timed out")
	errReset   = errors.New("sim: connection reset by peer")
)

// Dial connects to the server and calls open in a later turn.
func (w *World) Dial(open func(loop.Conn, error) loop.Handler) (cancel func()) {
	if w.Server.Deaf {
		return w.After(w.DialTimeout, func() { open(nil, errTimeout) }).Stop
	}
	return w.Soon(func() {
		if !w.Server.Up {
			open(nil, errRefused)
			return
		}
		c := newConn(w)
		c.Peer = w.Server.accept(c)
		w.conns = append(w.conns, c)
		h := open(c, nil)
		if h == nil {
			c.Close()
			return
		}
		for _, other := range w.conns {
			if other != c && other.h == h {
				w.Fail("one link has the connections %d and %d at the same time", other.ID, c.ID)
			}
		}
		c.h = h
	}).Stop
}

// Conns are the connections that are open on the proxy's side, oldest first.
// The slice is valid until the next turn.
func (w *World) Conns() []*Conn { return w.conns }
