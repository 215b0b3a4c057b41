package session_test

import "strconv"

// last is the last thing that a client sends.
func (c *player) last() {
	c.quits = true
	if c.m.w.Rnd.IntN(2) == 0 {
		c.add(&cmd{kind: quit}, "QUIT")
		return
	}
	bad := []struct{ bytes, text string }{
		{"*1\r\n!3\r\n", "Protocol error: expected '$', got '!'"},
		{"*x\r\n", "Protocol error: invalid multibulk length"},
		{"*1\r\n$-5\r\n", "Protocol error: invalid bulk length"},
		{"GET \"a\r\n", "Protocol error: unbalanced quotes in request"},
	}[c.m.w.Rnd.IntN(4)]
	c.queue = append(c.queue, &cmd{kind: broken, text: "-ERR " + bad.text + "\r\n", breaks: c.m.w.Breaks, raw: c.raw})
	c.in = append(c.in, bad.bytes+"*1\r\n$4\r\nPING\r\n"...)
}

// beginRaw does what pins a session for good.
func (c *player) beginRaw() {
	c.raw, c.everRaw = true, true
	m := c.mark(nil)
	if c.m.w.Rnd.IntN(2) == 0 {
		c.add(&cmd{kind: plain, mark: m}, "MODSTATE", m)
		return
	}
	ch := "ch" + strconv.Itoa(c.m.w.Rnd.IntN(2))
	c.subs[ch] = true
	c.add(&cmd{kind: plain, mark: m}, "SUBSCRIBE", ch, m)
}

// thinkRaw goes on after that.
func (c *player) thinkRaw() {
	r := c.m.w.Rnd
	m := c.mark(nil)
	switch n := r.IntN(100); {
	case len(c.subs) > 0 && n < 30:
		ch := "ch" + strconv.Itoa(r.IntN(2))
		delete(c.subs, ch)
		c.add(&cmd{kind: plain, mark: m}, "UNSUBSCRIBE", ch, m)
	case len(c.subs) > 0 || n < 10:
		ch := "ch" + strconv.Itoa(r.IntN(2))
		c.subs[ch] = true
		c.add(&cmd{kind: plain, mark: m}, "SUBSCRIBE", ch, m)
	case n < 15:
		c.silent = 2
		c.add(&cmd{kind: plain, mark: m}, "CLIENT", "REPLY", "OFF", m)
		for range r.IntN(4) {
			c.simple(nil)
		}
		c.silent = 0
		m = c.mark(nil)
		c.add(&cmd{kind: plain, mark: m}, "CLIENT", "REPLY", "ON", m)
	case n < 20:
		c.silent = 2
		c.add(&cmd{kind: plain, mark: m}, "CLIENT", "REPLY", "SKIP", m)
		c.silent = 1
		c.simple(nil)
	case n < 30:
		c.refusedOne(nil)
	case n < 40:
		c.purge(nil)
	case n < 42:
		c.last()
	case n < 45:
		c.reset()
	default:
		c.simple(nil)
	}
}
