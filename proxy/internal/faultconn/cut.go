package faultconn

import "sync"

// cut is a fault that awaits the next connection to carry bytes.
type cut struct {
	down bool

	mu   sync.Mutex
	left int64 // bytes that still pass
	link *link // the connection that it has met
}

// CutNext ends the connection that carries the next bytes up to the target, or down from it, once exactly after more bytes
// of that direction have passed: 0 lets none of them through. Other connections, and those that follow, are not touched. Both
// sides see an orderly end, so that what had passed arrives. It takes the place of one that has not struck yet.
func (r *Relay) CutNext(down bool, after int64) { r.next.Store(&cut{down: down, left: after}) }

// Struck reports whether the last CutNext has ended its connection.
func (r *Relay) Struck() bool { return r.next.Load() == nil }

// cutHere returns what of a segment may pass, and whether the connection is to end with it.
func (r *Relay) cutHere(l *link, down bool, segment []byte) (pass []byte, last bool) {
	c := r.next.Load()
	if c == nil || c.down != down {
		return segment, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		c.link = l
	}
	if c.link != l || int64(len(segment)) < c.left {
		if c.link == l {
			c.left -= int64(len(segment))
		}
		return segment, false
	}
	r.next.CompareAndSwap(c, nil)
	return segment[:c.left], true
}
