package session

import (
	"bytes"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
)

// A Session is the sink of its commands on an upstream link and the owner of a
// link of its own. These are the methods of the two roles.

// Replies passes n whole replies on.
func (s *Session) Replies(b []byte, n int) {
	s.inflight -= n
	if s.gone {
		return
	}
	s.state.welcome = s.state.welcome || !s.env.AuthRequired
	s.client.Send(b)
	if s.inflight == 0 {
		s.settle()
	}
}

// Part passes a piece of a long reply on.
func (s *Session) Part(b []byte) {
	if !s.gone {
		s.client.Send(b)
	}
}

// Answer takes the reply of a command that the session watches.
func (s *Session) Answer(tag uint8, reply, frame []byte) {
	s.inflight--
	s.settled(tag)
	if s.gone {
		s.auditReply(tag, reply)
		s.leaveIfScan(tag)
		return
	}
	switch tag {
	case tagCustom, tagScan:
		s.answerCustom(tag, reply, frame)
	case tagPoison:
		s.answerRefused(reply)
	case tagDiscard:
		s.answerLostWatch(reply)
	case tagUnknown:
		if s.state.multi && reply[0] == '-' {
			s.state.failed = true
		}
		s.client.Send(reply)
	case tagWait, tagWaitPart:
		s.answerWait(tag, reply, frame)
	case tagTable, tagTableMore:
		s.client.Send(s.env.Table.answered(reply, frame, tag == tagTableMore, s.state.proto == 3))
	case tagProxyHelp, tagProxyInfo, tagProxyClients, tagProxyCommands, tagProxyPurges, tagProxyPurge:
		s.answerProxy(Report(tag-tagProxyHelp), reply)
	case tagKill:
		s.answerKill(reply, frame)
	case tagBlock:
		s.client.Send(reply)
	default:
		s.watchReply(commands.Op(tag), reply, frame)
		s.client.Send(s.ownAnswer(commands.Op(tag), reply))
	}
	if s.inflight == 0 {
		s.settle()
	}
}

// settled notes that a watched command has its reply.
func (s *Session) settled(tag uint8) {
	switch tag {
	case uint8(commands.OpMulti):
		s.multis--
	case tagBlock:
		s.blocking--
	}
}

// Long: the reply is a value, so no error, and comes in pieces.
func (s *Session) Long(tag uint8) {
	s.settled(tag)
	switch {
	case tag == tagScan:
		s.leaveGate()
	case tag < tagCustom && !s.gone:
		s.watchReply(commands.Op(tag), []byte("*"), nil)
	}
}

// Local passes the proxy's own reply on, its turn having come.
func (s *Session) Local(tag uint8, text string) {
	s.inflight--
	s.settled(tag)
	if s.flow == stream {
		s.flow = swallow // it is the answer to the command whose bytes still come
	}
	if tag == tagScan {
		s.audited(text)
	}
	if s.gone {
		s.leaveIfScan(tag)
		return
	}
	if strings.HasPrefix(text, "-NOAUTH") {
		s.state.welcome = false
	}
	switch tag {
	case tagWaitPart:
		s.writes.lost = true // WAIT itself is still to be answered
	case tagWait: // whatever became of it, the connection that could tell is not there
		s.client.SendString(s.writes.forget())
	case tagQuit:
		s.client.SendString(okReply)
	default:
		s.client.SendString(text)
	}
	s.leaveIfScan(tag)
	if s.inflight == 0 {
		s.settle()
	}
}

// Push passes a RESP3 push on, in its place among the replies.
func (s *Session) Push(b []byte) { s.Part(b) }

// Raw passes on what comes once replies and commands no longer pair.
func (s *Session) Raw(b []byte) {
	s.Part(b)
	if s.gone {
		return
	}
	// While these are in flight each call brings one frame: see ByFrame.
	if s.held&heldUnsub != 0 {
		s.countSubscriptions(b)
	}
	if s.held&heldReset != 0 && string(b) == "+RESET\r\n" {
		s.afterReset()
	}
}

// RawError passes an error on, or what it stands for.
func (s *Session) RawError(line []byte) {
	switch text := refusalIn(line); {
	case s.gone:
	case text == barrier:
		s.afterBarrier()
	case text == resetBarrier:
		s.release(heldReset) // RESET itself was refused
	case text != "":
		s.client.SendString(s.oneOfTwo(text))
	case bytes.HasPrefix(line, []byte("-NOSCRIPT")) && s.rawCustom && !s.env.RawLua:
		s.client.SendString(tryAgain) // only our own EVALSHA can have got it
	default:
		s.client.Send(line)
	}
}

// answerRefused puts our refusal in the place of the upstream's.
func (s *Session) answerRefused(reply []byte) {
	if s.state.multi {
		s.state.failed = true
	}
	if text := refusalIn(reply); text != "" {
		s.client.SendString(s.oneOfTwo(text))
		return
	}
	s.client.Send(reply)
}

// answerLostWatch makes of a DISCARD's reply that of the EXEC it stood for.
func (s *Session) answerLostWatch(reply []byte) {
	if reply[0] == '-' {
		s.state.watchLost = true // nothing was ended
		s.client.SendString(execWithoutMulti)
		return
	}
	failed := s.state.failed
	s.state.multi, s.state.watch, s.state.failed = false, false, false
	switch {
	case failed:
		s.client.SendString(execAbort)
	case s.state.proto == 3:
		s.client.SendString("_\r\n")
	default:
		s.client.SendString("*-1\r\n")
	}
}

// Cut: the client has got a part of a reply whose rest is lost.
func (s *Session) Cut() {
	if !s.raw {
		s.inflight--
	}
	if !s.gone {
		s.client.Abort(UpstreamLost)
	}
}

// Unblocked: the link takes more.
func (s *Session) Unblocked() { s.release(heldFull) }

// Congested tells the session that its client is slow to take replies, or no
// longer is. A link of its own can wait; on a shared one others come behind.
func (s *Session) Congested(slow bool) {
	s.slow = slow
	s.throttle()
}

// throttle has the session's own link wait for a client that is slow.
func (s *Session) throttle() {
	if !s.pinned {
		return
	}
	if s.slow && s.gate != gateRunning && !s.Subscribed() { // others wait for the reply to a scan
		s.link.PauseReading()
	} else {
		s.link.ResumeReading()
	}
}

// Subscribed reports whether messages may come that nobody waits with: to stop
// reading them would only have the upstream hold them, up to a limit of its own
// of which we would not learn. Without multiplexing the upstream's limits are meant to hold.
func (s *Session) Subscribed() bool {
	return s.raw && (s.subs.channel || s.subs.shard) && s.env.Multiplex
}
