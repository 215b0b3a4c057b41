package sim

import "github.com/atomicproxy/atomicproxy/proxy/loop"

// Conn is the proxy's end of a connection to the server. It is a loop.Conn.
type Conn struct {
	ID   int
	Peer *Peer // the server's end

	w *World
	h loop.Handler

	out      []byte // on the way to the server
	outDue   bool   // an arrival is scheduled
	window   int    // bytes that are taken before the transport is full
	short    bool   // took less than was offered: Writable follows
	outEnded bool   // nothing follows what is in out
	outDone  bool   // the server has been told

	in      []byte // on the way to the proxy
	inDue   bool
	inEnded bool // nothing follows what is in in
	reset   bool // and that is an error, no orderly end
	told    bool // the handler had its last call
	eofTold bool
	paused  bool

	faulty bool // its end is a fault
	broken bool // what is written goes nowhere
	closed bool // by the proxy, or the handler was told Closed
}

func newConn(w *World) *Conn {
	w.nconn++
	c := &Conn{ID: w.nconn, w: w, window: 1 << 20}
	if !w.calm && w.Rnd.IntN(4) == 0 {
		c.window = 16 + w.Rnd.IntN(2000)
	}
	return c
}

// Handler is what the connection's events go to.
func (c *Conn) Handler() loop.Handler { return c.h }

// Write takes what fits.
func (c *Conn) Write(b []byte) int {
	if c.closed || c.broken || c.outEnded {
		return len(b)
	}
	if c.short {
		return 0
	}
	n := min(len(b), max(0, max(c.window, len(b)/16)-len(c.out)), 1<<20)
	if n > 0 && !c.w.calm && c.w.Rnd.IntN(50) == 0 {
		n = c.w.Rnd.IntN(n + 1)
	}
	if c.h == nil {
		n = len(b) // the greeting, into an empty buffer
	}
	c.short = n < len(b)
	c.out = append(c.out, b[:n]...)
	c.w.Tracef("conn %d > %q", c.ID, brief(b[:n]))
	c.sendOn()
	return n
}

// sendOn schedules the arrival of what is on the way to the server.
func (c *Conn) sendOn() {
	if c.outDue || (len(c.out) == 0 && !c.short && (!c.outEnded || c.outDone)) {
		return
	}
	c.outDue = true
	c.w.Soon(c.arriveOut)
}

func (c *Conn) arriveOut() {
	c.outDue = false
	n := c.w.piece(len(c.out))
	if n > 0 && !c.Peer.dead {
		b := c.out[:n:n]
		c.Peer.data(b)
	}
	c.out = c.out[n:]
	if len(c.out) == 0 {
		c.out = nil
		if c.outEnded && !c.outDone {
			c.outDone = true
			c.Peer.eof()
		}
	}
	if c.short && len(c.out) < c.window {
		c.short = false
		if c.h != nil && !c.closed && !c.broken {
			c.h.Writable()
		}
	}
	c.sendOn()
}

// piece is how much of n bytes arrives at once.
func (w *World) piece(n int) int {
	if n <= 1 || w.Rnd.IntN(100) >= w.Pieces {
		return n
	}
	if n <= 64 && w.Rnd.IntN(2) == 0 {
		return 1 + w.Rnd.IntN(min(n, 4))
	}
	return max(1+w.Rnd.IntN(n), n/8)
}

// reply puts bytes of the server on their way.
func (c *Conn) reply(b []byte) {
	if c.closed || c.broken || c.inEnded {
		return
	}
	c.in = append(c.in, b...)
	c.bringOn()
}

func (c *Conn) bringOn() {
	if c.inDue || c.closed || c.told || c.paused && !c.inEnded || len(c.in) == 0 && !c.inEnded {
		return
	}
	c.inDue = true
	c.w.Soon(c.arriveIn)
}

func (c *Conn) arriveIn() {
	c.inDue = false
	if c.closed || c.told {
		return
	}
	if c.paused && len(c.in) > 0 && !c.reset {
		c.tellEOF() // overtakes what is not read
		return
	}
	n := c.w.piece(len(c.in))
	if n > 0 {
		b := c.in[:n:n]
		c.in = c.in[n:]
		c.w.Tracef("conn %d < %q", c.ID, brief(b))
		c.h.Data(b)
		for i := range b {
			b[i] = '!'
		}
	}
	if len(c.in) == 0 {
		c.in = nil
		if c.inEnded && !c.closed {
			c.end()
			return
		}
	}
	c.bringOn()
}

// end tells the handler that nothing more comes.
func (c *Conn) end() {
	c.told = true
	if c.faulty {
		c.w.Breaks++
	}
	c.w.Tracef("conn %d ends, reset %v", c.ID, c.reset)
	if c.reset {
		c.forget()
		c.h.Closed(errReset)
		return
	}
	c.tellEOF()
	if d, ok := c.h.(loop.DrainHandler); ok && !c.closed {
		d.Drained()
	}
}

func (c *Conn) tellEOF() {
	if c.inEnded && !c.eofTold {
		c.eofTold = true
		c.h.EOF()
	}
}

// Pause stops the arrival of bytes.
func (c *Conn) Pause() { c.paused = true }

// Resume ends Pause.
func (c *Conn) Resume() {
	c.paused = false
	c.bringOn()
}

// CloseWrite ends the proxy's sending side behind what was taken.
func (c *Conn) CloseWrite() {
	c.outEnded = true
	c.sendOn()
}

// Close ends the connection; what was taken still arrives.
func (c *Conn) Close() {
	if c.closed {
		return
	}
	c.w.Tracef("conn %d closed by the proxy", c.ID)
	c.forget()
	c.in = nil
	c.outEnded = true
	c.sendOn()
}

func (c *Conn) forget() {
	c.closed = true
	for i, o := range c.w.conns {
		if o == c {
			c.w.conns = append(c.w.conns[:i:i], c.w.conns[i+1:]...)
			return
		}
	}
}

// RemoteAddr and LocalAddr make Conn a loop.Conn.
func (c *Conn) RemoteAddr() string { return "sim:6379" }

// LocalAddr is not known.
func (c *Conn) LocalAddr() string { return "" }

// Cut breaks the connection at a random byte in each direction.
func (c *Conn) Cut() {
	if c.broken || c.closed {
		return
	}
	r := c.w.Rnd
	c.w.Tracef("conn %d cut", c.ID)
	c.faulty, c.broken, c.outEnded = true, true, true
	c.out = c.out[:r.IntN(len(c.out)+1)]
	c.endIn(r.IntN(2) == 0)
	c.sendOn()
}

// Window bounds from now on what the transport takes before it is full.
func (c *Conn) Window(n int) { c.window = n }

// Unread is how many bytes of the server are on the way to the proxy.
func (c *Conn) Unread() int { return len(c.in) }

// Paused reports whether the proxy has stopped reading.
func (c *Conn) Paused() bool { return c.paused }

// endIn lets a random part of what is on the way arrive, and nothing after it.
func (c *Conn) endIn(reset bool) {
	if c.inEnded {
		return
	}
	c.in = c.in[:c.w.Rnd.IntN(len(c.in)+1)]
	c.inEnded, c.reset = true, reset
	c.bringOn()
}

// finishIn ends the server's sending side behind what is on the way.
func (c *Conn) finishIn() {
	if c.closed || c.inEnded {
		return
	}
	c.inEnded = true
	c.bringOn()
}

// brief is as much of b as a trace can bear.
func brief(b []byte) []byte {
	if len(b) > 200 {
		return append(append([]byte{}, b[:180]...), "…"...)
	}
	return b
}
