package faultconn

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// link is one relayed connection.
type link struct {
	client, server net.Conn
	once           sync.Once
	dead           chan struct{} // closed by kill
}

// kill ends both sides. The first call decides how.
func (l *link) kill(reset bool) {
	l.once.Do(func() {
		close(l.dead)
		if reset {
			abort(l.client)
			abort(l.server)
			return
		}
		l.client.Close()
		l.server.Close()
	})
}

// abort closes with a reset: lingering for no time discards what was not sent.
func abort(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

// pass copies one direction until its end, a fault, or the link's death.
func (r *Relay) pass(l *link, from, to net.Conn, p Path, count *atomic.Int64) {
	buf := make([]byte, 32<<10)
	var passed int64
	for {
		if p.Cut && passed >= p.After {
			l.kill(p.Reset)
			return
		}
		n, err := from.Read(buf)
		for b := buf[:n]; len(b) > 0; {
			segment := b[:p.segment(len(b), passed)]
			if len(segment) == 0 {
				if p.Cut && passed >= p.After {
					l.kill(p.Reset)
				}
				<-l.dead // or else stalled: for ever
				return
			}
			if !l.sleep(p.Delay) || !r.gate.wait(l.dead) {
				return
			}
			segment, last := r.cutHere(l, count == &r.down, segment)
			if _, werr := to.Write(segment); werr != nil || last {
				l.kill(!last) // the receiver is gone: let the sender see it as it would without a relay
				return
			}
			passed += int64(len(segment))
			count.Add(int64(len(segment)))
			b = b[len(segment):]
		}
		if err != nil {
			endPass(l, to, err)
			return
		}
	}
}

// segment is how many of n bytes may go out next.
func (p Path) segment(n int, passed int64) int {
	if p.Slice > 0 {
		n = min(n, p.Slice)
	}
	if p.Cut {
		n = int(min(int64(n), p.After-passed))
	}
	if p.Stall {
		n = int(min(int64(n), p.StallAfter-passed))
	}
	return n
}

// endPass hands the end of one direction on: an orderly one as a half close, anything else as a reset.
func endPass(l *link, to net.Conn, err error) {
	tcp, ok := to.(*net.TCPConn)
	if !errors.Is(err, io.EOF) || !ok || tcp.CloseWrite() != nil {
		l.kill(true)
	}
}

// sleep reports whether the link is still alive afterwards.
func (l *link) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-l.dead:
		return false
	case <-time.After(d):
		return true
	}
}

// gate is open or closed; waiters pass while it is open.
type gate struct {
	mu sync.Mutex
	ch chan struct{} // closed while the gate is open
	on bool
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ch == nil {
		g.ch = make(chan struct{})
	}
	if !g.on {
		close(g.ch)
		g.on = true
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.on {
		g.ch = make(chan struct{})
		g.on = false
	}
}

// wait returns true once the gate is open, false if dead closes first.
func (g *gate) wait(dead <-chan struct{}) bool {
	g.mu.Lock()
	ch := g.ch
	g.mu.Unlock()
	select {
	case <-dead:
		return false
	case <-ch:
		return true
	}
}
