package session

import (
	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// streamMin is the length in bytes from which a command is passed on as it
// comes, on a link of the session's own, instead of being buffered.
const streamMin = 1 << 20

var (
	openLimits   = resp.DefaultLimits()
	unauthLimits = func() resp.Limits { l := resp.DefaultLimits(); l.Auth = true; return l }()
)

func (s *Session) limits() *resp.Limits {
	if s.locked() {
		return &unauthLimits
	}
	return &openLimits
}

// process takes commands from b and returns how many bytes it took. Ordinary
// commands that stand one after another are sent in one piece: b[from:pos].
func (s *Session) process(b []byte) int {
	s.busy = true
	pos, from, run := 0, 0, 0
	for pos < len(b) && s.held == 0 && !s.ending && !s.gone {
		if s.flow != whole {
			pos += s.goOn(b[pos:])
			from = pos
			continue
		}
		size, err := s.req.Next(b[pos:], s.limits())
		if err != nil {
			s.sendRun(b[from:pos], run)
			s.protocolError(err.Error())
			from, run = len(b), 0
			pos = len(b)
			break
		}
		v := s.peek(b[pos:], size)
		if v != nil && v.plain {
			if run == 0 {
				if !s.room() {
					break
				}
				from = pos
			}
			run++
			pos += size
			if v.write {
				s.wroteOn()
			}
			continue
		}
		s.sendRun(b[from:pos], run)
		from, run = pos, 0
		if size == 0 {
			if !s.tooLong(b[pos:]) {
				break
			}
			continue
		}
		if v != nil && v.op == commands.OpMulti {
			if n := s.wholeTx(b[pos:], size); n > 0 {
				pos += n
				from = pos
				continue
			}
		}
		if s.crammed() || !s.take(b[pos:pos+size]) {
			break
		}
		pos += size
		from = pos
	}
	s.sendRun(b[from:pos], run)
	s.busy = false
	return pos
}

// crammed holds the session while too much is in flight for another answer of
// the proxy's own to be queued behind it.
func (s *Session) crammed() bool {
	if s.inflight == 0 || s.link == nil || !s.link.Full(s) {
		return false
	}
	s.held |= heldFull
	return true
}

// peek finds what the command at the start of b is, if the scanner found it
// whole and nothing about it, or about the session, needs a closer look.
func (s *Session) peek(b []byte, size int) *verb {
	if size == 0 || s.req.Kind() != resp.Multibulk || !s.req.Canonical() || s.raw || s.locked() ||
		s.state.multiLost || s.state.watchLost {
		return nil
	}
	v := s.env.Table.lookup(s.req.Arg(b, 0))
	if v.subs != nil && s.req.Argc() > 1 {
		if s.req.Args() < 2 {
			return nil
		}
		v = v.sub(s.req.Arg(b, 1))
	}
	return v.of(&s.req, b)
}

// turnAway ends a session that can have no link at all.
func (s *Session) turnAway() {
	s.crowded, s.ending = false, true
	s.client.SendString(tooManyLinks)
	s.client.Finish(TooManyLinks)
}

// join makes a shared link the one that the session sends on.
func (s *Session) join(k upstream.Key) {
	l := s.env.Links.Join(k, s)
	s.leave()
	s.link = l
}

// leave lets go of a shared link.
func (s *Session) leave() {
	if s.link != nil && !s.pinned {
		s.env.Links.Leave(s.link, s)
		s.link = nil
	}
}

// sendRun sends n ordinary commands.
func (s *Session) sendRun(b []byte, n int) {
	if n == 0 || s.gone {
		return
	}
	s.inflight += n
	s.count(n)
	s.link.Send(s, b, n, upstream.Pass, 0)
}

func (s *Session) count(n int) {
	if s.pinned {
		s.env.Counts.Pinned += uint64(n)
	} else {
		s.env.Counts.Forwarded += uint64(n)
	}
}

// room sees to it that there is a link and that it takes more. False: the
// session is held until it does.
func (s *Session) room() bool {
	if s.link == nil || (!s.pinned && !s.link.Shared()) {
		if !s.attach() {
			return false
		}
	}
	if s.link.Full(s) {
		s.held |= heldFull
		return false
	}
	return true
}

// attach finds the shared link of the session's identity, where it has none or
// another session has taken it over. Commands of one session are on one link
// while any reply is outstanding.
func (s *Session) attach() bool {
	if s.inflight > 0 {
		s.held |= heldIdle
		return false
	}
	if !s.env.Multiplex {
		if !s.pin(upstream.Exact) && s.crowded {
			s.turnAway()
		}
		return s.pinned
	}
	s.join(upstream.Key{Identity: s.identity()})
	return true
}

// take handles one whole command that needs a closer look. False: it was not
// taken, since the session has to wait first.
func (s *Session) take(frame []byte) bool {
	switch {
	case s.req.Kind() == resp.Empty:
		return true // nothing to do, nothing to answer, as in Redis
	case s.req.Kind() == resp.Inline:
		out, argc, err := resp.AppendInline(s.env.frame[:0], frame)
		s.env.frame = out[:0]
		if err != nil {
			s.protocolError(err.Error())
			return true
		}
		if argc == 0 {
			return true
		}
		frame = out
	case !s.req.Canonical():
		frame = resp.AppendCanonical(s.env.frame[:0], frame)
		if cap(frame) <= keepScratch {
			s.env.frame = frame[:0]
		}
	}
	c, ok := parse(frame)
	if !ok {
		return true // an empty frame after all
	}
	return s.dispatch(&c)
}

// command is one whole canonical command.
type command struct {
	frame []byte
	argc  int
	scan  resp.Requests
}

// parse finds the arguments of a whole canonical frame.
func parse(frame []byte) (command, bool) {
	c := command{frame: frame}
	n, err := c.scan.Next(frame, &openLimits)
	if err != nil || n != len(frame) || c.scan.Kind() != resp.Multibulk {
		return c, false
	}
	c.argc = c.scan.Argc()
	return c, true
}

// arg returns argument i of the first few; nil where there is none.
func (c *command) arg(i int) []byte {
	if i >= c.scan.Args() {
		return nil
	}
	return c.scan.Arg(c.frame, i)
}
