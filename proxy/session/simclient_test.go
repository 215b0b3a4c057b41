package session_test

import (
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// player is a simulated client: the connection that a session talks to, and the
// program behind it.
type player struct {
	m    *match
	id   int
	sess session.Session

	in    []byte // to be sent
	queue []*cmd // sent or about to be, without a reply
	scan  resp.Replies
	hold  []byte

	out       []byte // given to the connection and not taken yet
	dirty     bool
	slow      bool
	congested bool
	paused    bool
	finishing bool
	closed    bool
	eof       bool
	ticking   bool
	quits     bool // has sent something that ends the connection
	reason    session.Reason
	bornAt    int // breaks so far
	seq       int
	blocks    int

	upsetAt int64 // when the client was last told of a loss
	heardAt int64 // when anything last came for the client, or it came itself

	// What the client knows of its connection, as the replies have it.
	db, proto int
	name      string
	user      string
	raw       bool // has sent what pins for good
	everRaw   bool
	sticky    bool // has changed the connection within a transaction
	drained   bool
	lastOrder int
	subs      map[string]bool
	silent    int // 1: the next is left without a reply, 2: all are
	watching  []*cmd
	unended   []*cmd // WATCHes that something was to end that was not carried out
	lastWrite *cmd
	wroteAt   int // breaks when that was judged
}

// Send queues bytes for the client.
func (c *player) Send(b []byte) {
	if c.closed {
		return
	}
	c.heardAt = c.m.w.Now()
	c.out = append(c.out, b...)
	if len(c.out) > 4000 && !c.congested {
		c.congested = true
		c.sess.Congested(true)
	}
	if !c.dirty && !c.slow {
		c.dirty = true
		c.m.w.Defer(c)
	}
}

// SendString queues text for the client.
func (c *player) SendString(s string) { c.Send([]byte(s)) }

// Flush gives the client what was queued in this turn.
func (c *player) Flush() {
	c.dirty = false
	if !c.closed && !c.slow {
		c.drain(len(c.out))
	}
}

func (c *player) drain(n int) {
	b := c.out[:n]
	c.out = append([]byte(nil), c.out[n:]...)
	c.read(b)
	if c.congested && len(c.out) < 1000 {
		c.congested = false
		c.sess.Congested(false)
	}
	if c.finishing && len(c.out) == 0 {
		c.end(c.reason)
	}
}

// read takes what the session has sent, reply by reply.
func (c *player) read(b []byte) {
	for len(b) > 0 && !c.m.over {
		n, done, err := c.scan.Next(b)
		if err != nil {
			c.m.w.Fail("client %d got what is no RESP: %v in %.200q", c.id, err, b)
		}
		c.hold = append(c.hold, b[:n]...)
		b = b[n:]
		if done {
			reply := c.hold
			c.hold = nil
			c.reply(reply)
		}
	}
}

// Pause stops sending.
func (c *player) Pause() { c.paused = true }

// Resume goes on.
func (c *player) Resume() {
	c.paused = false
	c.tick(0)
}

// Finish closes the connection once everything is taken.
func (c *player) Finish(reason session.Reason) {
	if c.closed || c.finishing {
		return
	}
	c.finishing, c.reason = true, reason
	if len(c.out) == 0 {
		c.end(reason)
	}
}

// Abort closes the connection.
func (c *player) Abort(reason session.Reason) { c.end(reason) }

func (c *player) end(reason session.Reason) {
	if c.closed {
		return
	}
	c.m.w.Tracef("client %d closed: %s", c.id, reason)
	c.closed, c.reason = true, reason
	c.sess.Closed()
	c.m.closed(c)
}

// tick schedules the client's next move.
func (c *player) tick(d time.Duration) {
	if c.ticking || c.closed {
		return
	}
	c.ticking = true
	c.m.w.After(d, func() {
		c.ticking = false
		if !c.closed {
			c.move()
		}
	})
}

// move does one thing: it sends a piece, thinks of more to send, leaves.
func (c *player) move() {
	r := c.m.w.Rnd
	if c.slow && len(c.out) > 0 {
		c.drain(1 + r.IntN(len(c.out)))
	}
	if c.closed {
		return
	}
	switch {
	case c.eof:
		c.slow = false
		if len(c.out) > 0 {
			c.drain(len(c.out))
		}
		return
	case !c.m.healing && r.IntN(400) < c.m.leave:
		c.leave()
		return
	case c.slow && (c.m.healing || r.IntN(100) == 0):
		c.slow = false
		c.drain(len(c.out))
	case !c.m.healing && r.IntN(200) == 0:
		c.slow = true
	}
	if c.closed {
		return
	}
	if len(c.in) == 0 && !c.quits && !c.m.healing && len(c.queue) < 40 {
		for range 1 + r.IntN(c.m.depth) {
			if !c.quits {
				c.think()
			}
		}
	}
	if len(c.in) > 0 && !c.paused {
		c.send()
	}
	wait := time.Duration(r.Int64N(int64(2 * time.Millisecond)))
	if len(c.queue) > 0 && r.IntN(3) == 0 {
		wait += 5 * time.Millisecond
	}
	if c.m.healing {
		wait = time.Millisecond
		if len(c.in) == 0 && !c.slow {
			return
		}
	}
	c.tick(wait)
}

// send gives the session a piece of what is to be sent, in a buffer that is
// overwritten afterwards.
func (c *player) send() {
	n := len(c.in)
	if c.m.w.Rnd.IntN(100) < c.m.w.Pieces {
		n = max(1+c.m.w.Rnd.IntN(n), n/16)
	}
	b := append([]byte(nil), c.in[:n]...)
	c.in = c.in[n:]
	c.m.w.Tracef("client %d sends %.900q", c.id, b)
	c.sess.Data(b)
	for i := range b {
		b[i] = '?'
	}
}

// leave ends the connection from the client's side.
func (c *player) leave() {
	if c.m.w.Rnd.IntN(2) == 0 {
		c.end(session.ClientReset)
		return
	}
	c.m.w.Tracef("client %d: end of input, %d replies outstanding", c.id, len(c.queue))
	c.in, c.eof = nil, true
	c.sess.EOF()
	c.tick(time.Millisecond)
}
