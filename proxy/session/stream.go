package session

import (
	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

const (
	tooLarge  = "-LIMIT the command is longer than rewrite.max, which bounds commands that have to be rewritten; nothing was executed\r\n"
	longState = "-LIMIT a command about the connection itself is not taken at this length; nothing was executed\r\n"
	longName  = "-DENIED a command name of this length is refused\r\n"
)

// tooLong looks at a command that is not whole yet. True: it is too long to be
// buffered, and from here on its bytes flow through or are swallowed; or the
// session was held, since it has to wait before they can.
func (s *Session) tooLong(b []byte) bool {
	if max(len(b), s.req.Need()) <= streamMin || s.req.Kind() != resp.Multibulk {
		return false
	}
	v, known := s.longVerb(b)
	switch {
	case !known && len(b) <= streamMin:
		return false // the name may still come
	case !known:
		return s.swallow(longName)
	case s.locked():
		return false // its limits are far below
	case v.handling == commands.Close:
		s.client.Abort(CrossProtocol)
		return true
	case s.lostMulti():
		return s.swallow(queued)
	case v.refusal != "":
		s.env.Counts.Refused++
		return s.swallow(v.refusal)
	case v.custom != nil:
		if max(len(b), s.req.Need()) <= s.env.RewriteMax {
			return false
		}
		return s.swallow(tooLarge)
	}
	if v.lua != luaNone && !s.env.RawLua {
		if max(len(b), s.req.Need()) <= s.env.RewriteMax {
			return false // which script it is can be told from the whole only
		}
		return s.swallow(tooLarge)
	}
	switch v.op {
	case commands.OpMulti, commands.OpExec, commands.OpDiscard, commands.OpUnwatch, commands.OpReset:
		return s.swallow(longState)
	}
	if changesConnection(v.op) {
		return s.swallow(longState)
	}
	return s.beginStream(v)
}

// longVerb finds what a command is whose beginning is there. False: not even
// its name is.
func (s *Session) longVerb(b []byte) (*verb, bool) {
	names := 1
	v := s.env.Table.unlisted
	if s.req.Args() > 0 {
		v = s.env.Table.lookup(s.req.Arg(b, 0))
		if v.subs != nil && s.req.Argc() > 1 {
			names = 2
		}
	}
	if s.req.Args() < names || !s.req.Canonical() {
		return nil, false
	}
	for i := range names {
		for _, c := range s.req.Arg(b, i) {
			if c == 0 {
				return nil, false
			}
		}
	}
	if names == 2 {
		v = v.sub(s.req.Arg(b, 1))
	}
	return v.of(&s.req, b), true
}

// swallow refuses a command whose bytes are still coming.
func (s *Session) swallow(text string) bool {
	if s.pinned && !s.room() {
		return true // held
	}
	s.flow = swallow
	s.refuse(text)
	return true
}

// beginStream passes a command on as it comes, over a link of the session's
// own: on a shared one, everybody would wait for its end.
func (s *Session) beginStream(v *verb) bool {
	if !s.pin(upstream.AsIs) {
		if s.crowded {
			s.crowded = false
			return s.swallow(tooManyLinks)
		}
		return true // held
	}
	if v.handling == commands.Keep && !s.raw {
		if s.inflight > 0 {
			s.held |= heldIdle
			return true
		}
		s.raw = true
		s.link.SetRaw()
	}
	s.flow = stream
	s.env.Counts.Pinned++
	if s.raw {
		return true
	}
	if s.inflight > 0 {
		s.flow = whole
		s.held |= heldIdle
		return true
	}
	s.inflight++
	kind, tag := upstream.Pass, uint8(0)
	if v.handling == commands.Pin {
		kind, tag = upstream.Inspect, uint8(v.op)
	}
	s.link.BeginStream(s, kind, tag)
	if v.write {
		s.wroteOn()
	}
	return true
}

// goOn takes what is there of a command that flows through, and returns how
// many bytes that is.
func (s *Session) goOn(b []byte) int {
	if s.flow == stream && s.link.Full(s) {
		s.held |= heldFull
		return 0
	}
	n, err := s.req.Next(b, &openLimits)
	if err != nil || !s.req.Canonical() {
		// The upstream has got the beginning of a frame that has no good end.
		text := "Protocol error: malformed command"
		if err != nil {
			text = err.Error()
		}
		s.broken(text)
		return len(b)
	}
	end := n > 0
	if !end {
		n = len(b)
	}
	if s.flow == stream {
		s.link.Stream(b[:n])
	}
	if end {
		s.flow = whole
	} else {
		s.req.Rebase(n)
	}
	return n
}

// broken ends a session in the middle of a command that flows through: its
// upstream link cannot be used any more.
func (s *Session) broken(text string) {
	if s.flow == swallow {
		s.protocolError(text)
		return
	}
	s.env.Links.Unpin(s.disown())
	s.inflight = 0
	s.flow = whole
	s.client.SendString("-ERR " + text + "\r\n")
	s.ending = true
	s.client.Finish(ProtocolError)
}
