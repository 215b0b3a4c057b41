// Package faultconn is a TCP relay that breaks connections on purpose. A test puts it between the proxy and the
// upstream, or between a client and the proxy:
//
//	relay := faultconn.Start(t, server.Addr, func(n int, rng *rand.Rand) faultconn.Faults {
//		return faultconn.Faults{Down: faultconn.Path{Cut: true, After: rng.Int64N(1000), Reset: true}}
//	})
//	// connect to relay.Addr; relay.KillAll(true) breaks what is open
//
// # Promises
//
// Bytes pass unchanged and in order. A cut at byte N lets exactly the first N bytes of that direction into the
// receiver's socket. The faults of connection n depend on the seed and n alone. Close ends every connection and waits
// for every goroutine.
//
// # What it does not know
//
// It sits above TCP: it can't lose, repeat or reorder packets, and a receiver that is slow may read several segments
// at once, so a Slice of 1 is only nearly certain to arrive byte by byte.
package faultconn

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Path is what befalls one direction of a connection. The zero value passes everything.
type Path struct {
	// Cut ends the whole connection once After bytes have passed in this direction, 0 meaning before the first. Both
	// sides see a reset if Reset is set, else an orderly end.
	Cut   bool
	After int64
	Reset bool
	// Stall lets no byte pass after the first StallAfter, with the connection left open, until Close or KillAll.
	Stall      bool
	StallAfter int64
	// Slice is the largest segment, in bytes; 0: as they come.
	Slice int
	// Delay is slept before each segment.
	Delay time.Duration
}

// Faults are those of one connection. Up leads from the one who connected to the target.
type Faults struct{ Up, Down Path }

// Plan decides on connection n, counted from 0; rng is seeded from the relay's seed and n. It is called by one
// goroutine.
type Plan func(n int, rng *rand.Rand) Faults

// Relay passes connections on. Its methods may be called by any goroutine.
type Relay struct {
	Addr string // where it listens

	target string
	plan   Plan
	seed   uint64
	ln     net.Listener
	gate   gate
	refuse atomic.Bool
	next   atomic.Pointer[cut]
	up     atomic.Int64
	down   atomic.Int64

	mu     sync.Mutex
	links  map[*link]struct{}
	opened int
	closed bool
	wg     sync.WaitGroup
}

// Start relays to target (host:port) from a loopback port of its own until the test ends. A nil plan breaks nothing.
// The seed is 1; StartSeeded takes another.
func Start(tb testing.TB, target string, plan Plan) *Relay {
	tb.Helper()
	return StartSeeded(tb, target, 1, plan)
}

// StartSeeded is Start with a seed for the plan's random numbers.
func StartSeeded(tb testing.TB, target string, seed uint64, plan Plan) *Relay {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("faultconn: %v", err)
	}
	if plan == nil {
		plan = func(int, *rand.Rand) Faults { return Faults{} }
	}
	r := &Relay{Addr: ln.Addr().String(), target: target, plan: plan, seed: seed, ln: ln, links: map[*link]struct{}{}}
	r.gate.open()
	r.wg.Add(1)
	go r.accept()
	tb.Cleanup(r.Close)
	return r
}

func (r *Relay) accept() {
	defer r.wg.Done()
	for {
		conn, err := r.ln.Accept()
		if err != nil {
			return // Close closed the listener; nothing else ends it on loopback
		}
		if r.refuse.Load() {
			abort(conn)
			continue
		}
		r.mu.Lock()
		n := r.opened
		r.opened++
		r.mu.Unlock()
		faults := r.plan(n, rand.New(rand.NewPCG(r.seed, uint64(n))))
		r.wg.Add(1)
		go r.serve(conn, faults)
	}
}

// serve relays one connection to its end.
func (r *Relay) serve(client net.Conn, f Faults) {
	defer r.wg.Done()
	server, err := net.DialTimeout("tcp", r.target, 10*time.Second)
	if err != nil {
		abort(client)
		return
	}
	l := &link{client: client, server: server, dead: make(chan struct{})}
	if !r.add(l) {
		l.kill(true)
		return
	}
	defer r.remove(l)
	var both sync.WaitGroup
	both.Add(2)
	go func() { defer both.Done(); r.pass(l, client, server, f.Up, &r.up) }()
	go func() { defer both.Done(); r.pass(l, server, client, f.Down, &r.down) }()
	both.Wait()
	l.kill(false)
}

func (r *Relay) add(l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.links[l] = struct{}{}
	return true
}

func (r *Relay) remove(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.links, l)
}

// KillAll ends every open connection, on both sides, and returns how many there were. With reset the peers see a
// reset, and what was on its way may be lost; else an orderly end.
func (r *Relay) KillAll(reset bool) int {
	r.mu.Lock()
	links := make([]*link, 0, len(r.links))
	for l := range r.links {
		links = append(links, l)
	}
	r.mu.Unlock()
	for _, l := range links {
		l.kill(reset)
	}
	return len(links)
}

// Stall lets no byte pass in either direction, on open and on new connections, until Resume. What the relay has read
// already it keeps.
func (r *Relay) Stall() { r.gate.close() }

// Resume ends a Stall.
func (r *Relay) Resume() { r.gate.open() }

// Refuse makes the relay reset new connections at once, or stop doing so. Open ones go on.
func (r *Relay) Refuse(on bool) { r.refuse.Store(on) }

// Open is the number of connections now open.
func (r *Relay) Open() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.links)
}

// Opened is the number of connections ever taken, those that Refuse reset not counted.
func (r *Relay) Opened() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.opened
}

// Passed is the number of bytes that went to the target (up) and came from it (down), on all connections.
func (r *Relay) Passed() (up, down int64) { return r.up.Load(), r.down.Load() }

// Close stops listening, resets every connection and waits for the relay's goroutines.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.ln.Close()
	r.KillAll(true)
	r.wg.Wait()
}
