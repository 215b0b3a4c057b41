package session

import (
	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// wholeTx sends a MULTI … EXEC that lies whole in b on the shared link, in one
// piece, and returns its length. The upstream queues and judges as ever, and
// nothing of anybody else comes between. 0: it is not whole, or there is
// something in it that needs a link of the session's own.
func (s *Session) wholeTx(b []byte, multi int) int {
	if s.pinned || s.state.watch || !s.env.Multiplex {
		return 0
	}
	n, end, writes := s.lookAhead(b, multi)
	if n == 0 || !s.room() {
		return 0
	}
	if s.pinned {
		return 0
	}
	if writes {
		s.wroteOn()
	}
	s.inflight += n
	s.count(n)
	s.link.Send(s, b[:end], n, upstream.Tx, 0)
	return end
}

// lookAhead finds the EXEC that ends the transaction at the start of b: how
// many commands it has, and where it ends. 0: none can be sent as it is.
func (s *Session) lookAhead(b []byte, multi int) (n, end int, writes bool) {
	look := &s.env.look
	look.Reset()
	if s.req.Argc() != 1 {
		return 0, 0, false
	}
	n, end = 1, multi
	for end < len(b) {
		size, err := look.Next(b[end:], &openLimits)
		if err != nil || size == 0 || look.Kind() != resp.Multibulk || !look.Canonical() {
			return 0, 0, false
		}
		v := s.env.Table.lookup(look.Arg(b[end:], 0))
		if v.subs != nil && look.Argc() > 1 {
			if look.Args() < 2 {
				return 0, 0, false
			}
			v = v.sub(look.Arg(b[end:], 1))
		}
		v = v.of(look, b[end:])
		end += size
		n++
		switch {
		case v.op == commands.OpExec && look.Argc() == 1:
			return n, end, writes
		case !v.plain:
			return 0, 0, false
		}
		writes = writes || v.write
	}
	return 0, 0, false
}
