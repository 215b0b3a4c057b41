package session

import (
	"bytes"
	"strconv"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// This file has the commands that are about the connection itself.

// sendJudged sends a command about the connection's name or id on the shared
// link: the upstream judges it, and where it finds nothing wrong the session
// answers from its own state. A name is taken off again in the same write.
func (s *Session) sendJudged(op commands.Op, frame []byte) bool {
	if !s.send(frame, upstream.Inspect, uint8(op)) {
		return false
	}
	switch op {
	case commands.OpClientSetName:
		s.link.Send(upstream.Drop, setNameBack, 1, upstream.Pass, 0)
	case commands.OpClientSetInfo:
		s.link.Send(upstream.Drop, setInfoBack, 2, upstream.Pass, 0)
	}
	return true
}

var (
	setNameBack = resp.AppendCommandStrings(nil, "CLIENT", "SETNAME", "")
	setInfoBack = resp.AppendCommandStrings(resp.AppendCommandStrings(nil,
		"CLIENT", "SETINFO", "LIB-NAME", ""), "CLIENT", "SETINFO", "LIB-VER", "")
)

// sendAuth sends AUTH or HELLO on a link that nobody else is on. One that
// carries credentials may go to a connection of whatever user: afterwards it is
// the client's, or nothing has changed. So nothing follows before the reply, and
// nothing may be in flight before it (see upstream.AnyUser).
func (s *Session) sendAuth(op commands.Op, c *command) bool {
	fit := upstream.Exact
	if op == commands.OpAuth || helloCredentials(c.args(nil)) != nil {
		fit = upstream.AnyUser
	}
	if !s.pin(fit) {
		return false
	}
	if s.inflight > 0 && !s.raw && !s.mayBeInMulti() {
		s.held |= heldIdle
		return false
	}
	if !s.send(c.frame, upstream.Inspect, uint8(op)) {
		return false
	}
	if !s.raw {
		s.held |= heldIdle
	}
	return true
}

// helloCredentials returns user and password of HELLO proto [AUTH user password]
// [SETNAME name], read as the server does; nil if it has none.
func helloCredentials(args [][]byte) (credentials [][]byte) {
	for i := 2; i < len(args); {
		switch {
		case isWord(args[i], "auth") && i+2 < len(args):
			credentials = args[i+1 : i+3]
			i += 3
		case isWord(args[i], "setname") && i+1 < len(args):
			i += 2
		default:
			return credentials
		}
	}
	return credentials
}

// namesItself reports whether SETNAME stands among the options of a HELLO without
// credentials. (One with them may have been on a connection of any user's.)
func namesItself(frame []byte) bool {
	c := command{frame: frame}
	args := c.args(nil)
	if helloCredentials(args) != nil {
		return false
	}
	for _, a := range args {
		if isWord(a, "setname") {
			return true
		}
	}
	return false
}

// sendOvertaking sends a command that is to stop what is in flight, on a
// connection that it does not have to wait on.
func (s *Session) sendOvertaking(frame []byte) bool {
	if s.inflight > 0 {
		s.held |= heldIdle
		return false
	}
	s.join(upstream.Key{Identity: s.identity(), Overtaking: true})
	s.detour = true
	if !s.send(frame, upstream.Inspect, uint8(commands.OpOvertake)) {
		return false
	}
	s.held |= heldIdle
	return true
}

// sendReset sends RESET on a link of the session's own. It ends what pinned it.
func (s *Session) sendReset(frame []byte) bool {
	if !s.pin(upstream.Exact) || !s.send(frame, upstream.Inspect, uint8(commands.OpReset)) {
		return false
	}
	s.spoilt = true // RESET leaves things behind that differ by server
	if !s.raw {
		s.held |= heldIdle // what follows is a new session's
	}
	if s.raw {
		s.link.ByFrame(true)
		s.link.SendRaw(poisonFor(resetBarrier))
		s.held |= heldReset // what follows is an ordinary session's again
	}
	return true
}

// afterReset puts a session in raw mode back to what a new one is.
func (s *Session) afterReset() {
	s.state = s.fresh()
	s.env.Links.Unpin(s.disown())
	s.release(heldReset)
	s.settle()
}

// ownAnswer answers with the session's own value what the upstream has judged to be
// a good question.
func (s *Session) ownAnswer(op commands.Op, reply []byte) []byte {
	switch {
	case op == commands.OpClientID && reply[0] == ':':
		return append(strconv.AppendInt([]byte{':'}, s.listing.id, 10), "\r\n"...)
	case op == commands.OpClientGetName && reply[0] != '-' && reply[0] != '+' && !s.state.sticky:
		return s.nameReply()
	case op == commands.OpHello && (reply[0] == '*' || reply[0] == '%'):
		return s.withOwnID(reply)
	}
	return reply
}

func (s *Session) nameReply() []byte {
	switch {
	case s.state.name != "":
		b := append(strconv.AppendInt([]byte{'$'}, int64(len(s.state.name)), 10), "\r\n"...)
		return append(append(b, s.state.name...), "\r\n"...)
	case s.state.proto == 3:
		return []byte("_\r\n")
	}
	return []byte("$-1\r\n")
}

// withOwnID puts the session's id in the place of the connection's in a reply
// to HELLO.
func (s *Session) withOwnID(reply []byte) []byte {
	key := []byte("$2\r\nid\r\n:")
	before, after, found := bytes.Cut(reply, key)
	_, rest, ended := bytes.Cut(after, []byte("\r\n"))
	if !found || !ended {
		return reply
	}
	out := append(bytes.Clone(before), key...)
	out = append(strconv.AppendInt(out, s.listing.id, 10), "\r\n"...)
	return append(out, rest...)
}
