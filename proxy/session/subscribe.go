package session

import (
	"bytes"

	"github.com/atomicproxy/atomicproxy/commands"
)

// subscriptions follow a session whose link is raw for nothing but them, so that
// it becomes an ordinary one when the last of them ends.
type subscriptions struct {
	only    bool // nothing else made state on the link
	channel bool // there may be subscriptions to channels or patterns
	shard   bool // and to shard channels
}

// barrier stands behind an UNSUBSCRIBE: when its refusal comes, everything before
// it has come.
const barrier = "-ERR barrier\r\n"

// resetBarrier stands likewise behind a RESET in raw mode.
const resetBarrier = "-ERR barrier of RESET\r\n"

// sendSubscribe sends a command of the (P|S)(UN)SUBSCRIBE family. After one that
// ends subscriptions nothing is taken until it is known whether any are left.
func (s *Session) sendSubscribe(c *command) bool {
	st := &s.state
	before := s.raw
	clean := !s.mayBeInMulti() && !st.watch && !st.watchLost && !st.sticky
	if !s.sendKept(c.frame) {
		return false
	}
	if !before {
		s.subs = subscriptions{only: clean}
	}
	name := bytes.ToLower(c.arg(0))
	switch shard := name[0] == 's' && name[1] != 'u' || bytes.HasPrefix(name, []byte("sun")); {
	case bytes.HasSuffix(name, []byte("unsubscribe")):
		if s.subs.only {
			s.link.ByFrame(true)
			s.link.SendRaw(poisonFor(barrier))
			s.held |= heldUnsub
		}
	case shard:
		s.subs.shard = true
	default:
		s.subs.channel = true
	}
	s.throttle() // messages are not waited with
	return true
}

// countSubscriptions reads how many are left from a frame that confirms the end
// of one. Messages cannot be taken for it: they begin otherwise.
func (s *Session) countSubscriptions(frame []byte) {
	left := !bytes.HasSuffix(frame, []byte(":0\r\n"))
	switch kind := bytes.TrimLeft(frame, "*>"); {
	case bytes.HasPrefix(kind, []byte("3\r\n$11\r\nunsubscribe\r\n")), bytes.HasPrefix(kind, []byte("3\r\n$12\r\npunsubscribe\r\n")):
		s.subs.channel = left
	case bytes.HasPrefix(kind, []byte("3\r\n$12\r\nsunsubscribe\r\n")):
		s.subs.shard = left
	}
}

// afterBarrier makes the session an ordinary one if no subscription is left.
func (s *Session) afterBarrier() {
	if s.subs.only && !s.subs.channel && !s.subs.shard {
		s.env.Links.Unpin(s.disown())
		s.stay()
	} else {
		s.link.ByFrame(false)
	}
	s.release(heldUnsub)
	s.settle()
}

// spoilsSubscriptions reports whether a command in raw mode makes other state
// than subscriptions.
func spoilsSubscriptions(v *verb) bool {
	return v.handling != commands.Share && v.op != commands.OpSubscribe && v.op != commands.OpQuit
}
