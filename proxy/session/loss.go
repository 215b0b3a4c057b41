package session

import (
	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// Fate decides what becomes of a command of the session's own link that had no
// reply when the connection was lost. It is asked in order, and follows the
// state as the client will see it.
func (s *Session) Fate(tag uint8, frame []byte, written, repeatable bool) (upstream.Verdict, string) {
	st := &s.state
	op := commands.Op(tag)
	if s.locked() {
		st.multi = false // there is none before authentication
	}
	switch {
	case tag == tagQuit:
		return upstream.Tell, okReply // nothing about it is uncertain
	case st.sticky || s.raw:
		return upstream.Tell, upstream.Uncertain // the client is closed after it
	case st.multi:
		return upstream.Tell, s.fateInMulti(tag, written)
	case tag == tagWait, tag == tagWaitPart:
		return upstream.Tell, lostOffset
	case op == commands.OpMulti && s.locked():
		return upstream.Tell, noAuth
	case op == commands.OpMulti:
		st.multi, st.failed = true, false
		return upstream.Tell, okReply
	case op == commands.OpWatch:
		st.watchLost = true
		return upstream.Tell, upstream.Uncertain
	case op == commands.OpUnwatch:
		st.watch, st.watchLost = false, false
		return upstream.Tell, okReply
	case tag == tagPoison:
		return upstream.Tell, s.oneOfTwo(refusalIn(frame))
	case op == commands.OpDiscard:
		return upstream.Tell, "-ERR DISCARD without MULTI\r\n"
	case op == commands.OpExec, tag == tagDiscard:
		return upstream.Tell, execWithoutMulti
	case len(frame) == 0 && (s.flow == stream || !written):
		return upstream.Tell, upstream.Unavailable // streamed, and not to its end
	case !written, repeatable && tag != tagBlock:
		s.kept = !s.link.Expiring()
		return upstream.Keep, ""
	}
	return upstream.Tell, upstream.Uncertain
}

// fateInMulti answers a command that followed a MULTI. Until EXEC was written
// nothing can have run.
func (s *Session) fateInMulti(tag uint8, written bool) string {
	st := &s.state
	switch commands.Op(tag) {
	case commands.OpExec, commands.Op(tagDiscard):
		st.multi, st.watch, st.watchLost, st.failed = false, false, false, false
		if written && tag != tagDiscard {
			return upstream.Uncertain
		}
		return execAbort
	case commands.OpReset:
		if s.kept {
			st.sticky = true // what is to be sent again still needs the old identity: give up
			return upstream.Unavailable
		}
		*st = s.fresh()
		return "+RESET\r\n"
	case commands.OpDiscard:
		st.multi, st.watch, st.watchLost, st.failed = false, false, false, false
		return okReply
	case commands.OpMulti:
		return nested
	}
	return queued
}

// LinkLost settles what the session itself loses with its connection.
func (s *Session) LinkLost(error) bool {
	st := &s.state
	s.kept = false
	if s.flow == stream {
		s.flow = swallow // the rest of the command has nowhere to go
	}
	if s.gone || s.ending || s.eof || s.raw || st.sticky {
		s.ending, s.bereft = true, true
		return false
	}
	if st.multi {
		st.multi, st.multiLost = false, true
	}
	if st.watch {
		st.watch, st.watchLost = false, true
	}
	s.link.SetIdentity(s.identity())
	return true
}

// LinkGone ends the session with its link: as Redis itself would, since
// libraries subscribe again only when they see that.
func (s *Session) LinkGone() {
	switch {
	case s.gone:
	case s.eof:
		s.client.Finish(ClientEOF)
	case s.quitting:
		s.client.Finish(ClientQuit)
	case s.slow: // what it has not taken yet it may never take
		s.client.Abort(UpstreamLost)
	default:
		s.client.Finish(UpstreamLost)
	}
}

// Refused: the upstream does not accept the session's user any more.
func (s *Session) Refused(string) {
	if !s.gone {
		s.ending = true
		s.client.Finish(UpstreamDenied)
	}
}

// inLostMulti answers commands between a MULTI that was lost and its end: they
// are queued nowhere, and EXEC says so.
func (s *Session) inLostMulti(v *verb, c *command) bool {
	st := &s.state
	switch {
	case v.op == commands.OpExec:
		st.multiLost, st.watchLost = false, false
		s.local(execAbort)
	case v.op == commands.OpDiscard:
		st.multiLost, st.watchLost = false, false
		s.local(okReply)
	case v.op == commands.OpMulti:
		s.local(nested)
	case v.op == commands.OpReset:
		st.multiLost = false
		return s.sendReset(c.frame)
	case v.op == commands.OpQuit:
		st.multiLost, s.quitting = false, true
		s.local(okReply)
		s.end()
	case v.refusal != "":
		s.local(v.refusal)
	default:
		s.local(queued)
	}
	return true
}
