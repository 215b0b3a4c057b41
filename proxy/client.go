package proxy

import (
	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/session"
)

const (
	// congestedAt and clearedAt are the bytes of output at which a session is
	// told that its client is slow, and that it no longer is.
	congestedAt = 1 << 20
	clearedAt   = 256 << 10
	// directMin is the length in bytes from which a reply is written at once.
	directMin = 16 << 10
	// subscriberOutput bounds the output of a client with subscriptions, as servers
	// do by default (client-output-buffer-limit pubsub): it has not asked for as
	// much as may come.
	subscriberOutput = 32 << 20
	// lockedOutput bounds the output of a client that has not authenticated.
	lockedOutput = 64 << 10
	// outBuffer is the size of a fresh output buffer, and keptBuffer that of
	// the largest one that is kept for the next client who needs one.
	outBuffer  = 4 << 10
	keptBuffer = 64 << 10
)

// client is the connection to one client: the handler of its bytes, and the
// buffer of the replies that it has not taken yet. One without pending output
// holds no buffer.
type client struct {
	w          *worker
	conn       loop.Conn
	since      int64 // loop time of the connection's beginning
	sess       session.Session
	out        []byte
	head       int // out[:head] is written
	next, prev *client
	dirty      bool // Flush is due
	short      bool // the transport is full: Writable is due
	congested  bool
	finishing  bool
	closed     bool
	reason     session.Reason
}

// Data, Writable, EOF, Drained and Closed make client a loop.Handler.

// Data takes the client's bytes.
func (c *client) Data(b []byte) {
	c.w.stats.BytesIn += uint64(len(b))
	c.sess.Data(b)
}

// Writable goes on with what the transport did not take.
func (c *client) Writable() {
	c.short = false
	c.write()
}

// EOF may overtake bytes that are not read yet; Drained does not.
func (c *client) EOF() {}

// Drained: the client has sent its last byte.
func (c *client) Drained() { c.sess.EOF() }

// Closed: the connection failed.
func (c *client) Closed(error) { c.end(session.ClientReset) }

// Send queues bytes for the client.
func (c *client) Send(b []byte) {
	if len(b) >= directMin && c.out == nil && !c.closed {
		// Long enough to be worth a write of its own instead of a copy.
		n := c.conn.Write(b)
		c.w.stats.BytesOut += uint64(n)
		if b = b[n:]; len(b) == 0 {
			return
		}
		c.short = true
	}
	if c.wants(len(b)) {
		c.out = append(c.out, b...)
	}
}

// SendString queues text for the client.
func (c *client) SendString(s string) {
	if c.wants(len(s)) {
		c.out = append(c.out, s...)
	}
}

// wants makes ready for n more bytes of output. False: the client is closed, or
// that would be more than is held for a client that does not read.
func (c *client) wants(n int) bool {
	if c.closed {
		return false
	}
	pending := len(c.out) - c.head + n
	switch {
	case pending > c.w.srv.outputLimit, pending > lockedOutput && c.sess.Locked(),
		pending > subscriberOutput && c.sess.Subscribed():
		c.Abort(session.OutputLimit)
		return false
	case c.w.pending+n > c.w.outputTotal:
		if c.w.closeLargest(); c.closed {
			return false
		}
	}
	c.w.pending += n
	if c.out == nil {
		c.out = c.w.buffer()
	}
	if !c.dirty && !c.short {
		c.dirty = true
		c.w.loop.Defer(c)
	}
	if pending > congestedAt && !c.congested {
		c.congested = true
		c.sess.Congested(true)
	}
	return true
}

// Flush writes what the batch has gathered for this client.
func (c *client) Flush() {
	c.dirty = false
	if !c.closed && !c.short {
		c.write()
	}
}

func (c *client) write() {
	n := c.conn.Write(c.out[c.head:])
	c.head += n
	c.w.pending -= n
	c.w.stats.BytesOut += uint64(n)
	left := len(c.out) - c.head
	if left > 0 {
		c.short = true
		c.compact()
	} else {
		c.w.giveBack(c.out)
		c.out, c.head = nil, 0
	}
	if c.congested && left < clearedAt {
		c.congested = false
		c.sess.Congested(false)
	}
	if left == 0 && c.finishing {
		c.end(c.reason)
	}
}

// compact moves what is left to the front, once more than half is written.
func (c *client) compact() {
	if c.head > keptBuffer && c.head > len(c.out)/2 {
		c.out = c.out[:copy(c.out, c.out[c.head:])]
		c.head = 0
	}
}

// Pause stops reading from the client.
func (c *client) Pause() { c.conn.Pause() }

// Resume goes on reading.
func (c *client) Resume() { c.conn.Resume() }

// Finish closes the connection once everything queued is written.
func (c *client) Finish(reason session.Reason) {
	if c.closed || c.finishing {
		return
	}
	c.finishing, c.reason = true, reason
	if len(c.out) == c.head {
		c.end(reason)
	}
}

// Abort closes the connection at once.
func (c *client) Abort(reason session.Reason) { c.end(reason) }

func (c *client) end(reason session.Reason) {
	if c.closed {
		return
	}
	c.closed = true
	c.w.pending -= len(c.out) - c.head
	c.w.giveBack(c.out)
	c.out, c.head = nil, 0
	c.conn.Close()
	c.sess.Closed()
	c.w.remove(c, reason)
}
