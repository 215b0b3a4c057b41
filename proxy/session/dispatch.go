package session

import (
	"bytes"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// Tags mark what a session waits for on a link. Those below tagOps are ops of
// package commands: the session watches the reply for a change of its state.
const (
	tagCustom    uint8 = 200 + iota // a rewritten command: NOSCRIPT is ours to heal
	tagScan                         // the same, and the gate is to be left
	tagPoison                       // our refusal is to stand in the reply's place
	tagDiscard                      // sent instead of an EXEC whose WATCH was lost
	tagUnknown                      // a name that neither list knew
	tagBlock                        // may block
	tagQuit                         // QUIT: +OK, whatever becomes of the connection
	tagWait                         // WAIT or WAITAOF, of the last connection that it asks
	tagWaitPart                     // the same, of one before
	tagKill                         // CLIENT KILL of a session
	tagTable                        // a question about commands
	tagTableMore                    // the same, and another frame than the client's was sent
	tagProxyHelp                    // may the user see what PROXY shows: one tag for each Report
	tagProxyInfo
	tagProxyClients
	tagProxyCommands
	tagProxyPurges
	tagProxyPurge
)

const (
	nulRefusal       = "-DENIED a command name that holds a NUL byte is refused: servers read it as another name\r\n"
	tooManyLinks     = "-UNAVAILABLE the proxy has as many upstream connections of single clients as upstream.max_pinned allows; the command was not sent\r\n"
	lostOffset       = "-UNCERTAIN the connection of the last write is not there any more, or the writes went over several; how far they were replicated is not known\r\n"
	okReply          = "+OK\r\n"
	queued           = "+QUEUED\r\n"
	execAbort        = "-EXECABORT Transaction discarded because of previous errors.\r\n"
	execWithoutMulti = "-ERR EXEC without MULTI\r\n"
	nested           = "-ERR MULTI calls can not be nested\r\n"
)

// MayBlock reports whether a command that a session sent with this tag may be
// long in answering by its nature.
func MayBlock(tag uint8) bool { return tag == tagBlock || tag == tagWait || tag == tagWaitPart }

// dispatch decides what one command is. False: it was not taken, the session
// has to wait first.
func (s *Session) dispatch(c *command) bool {
	taken := s.decide(c)
	if taken && s.gate == gateGranted {
		s.leaveGate() // what it was granted for came to nothing
	}
	return taken
}

func (s *Session) decide(c *command) bool {
	v := s.env.Table.lookup(c.arg(0))
	if bytes.IndexByte(c.arg(0), 0) >= 0 {
		s.env.Counts.Refused++
		return s.refuse(nulRefusal)
	}
	if v.subs != nil && c.argc > 1 {
		if bytes.IndexByte(c.arg(1), 0) >= 0 {
			s.env.Counts.Refused++
			return s.refuse(nulRefusal)
		}
		v = v.sub(c.arg(1))
	}
	v = v.of(&c.scan, c.frame)
	if s.locked() {
		s.state.multiLost = false // there was none: nothing is queued before authentication
	}
	switch {
	case v.handling == commands.Close:
		s.client.Abort(CrossProtocol)
		return true
	case s.locked() && !v.noAuth && v.op != commands.OpAuth && v.op != commands.OpHello && v.op != commands.OpQuit:
		s.local(s.beforeAuth(v, c))
		return true
	case s.lostMulti():
		return s.inLostMulti(v, c)
	case v.refusal != "":
		s.env.Counts.Refused++
		return s.refuse(v.refusal)
	case v.custom != nil:
		return s.custom(v, c)
	case v.ask == askProxy:
		return s.askProxy(c)
	case v.ask != askNone:
		return s.askTable(v, c)
	}
	var ok bool
	if v.lua != luaNone {
		ok = s.rawLua(v, c)
	} else {
		ok = s.forward(v, c)
	}
	if !ok && s.crowded {
		s.crowded = false
		s.local(tooManyLinks)
		return true
	}
	return ok
}

// forward sends a command as it is, on the link that is right for it.
func (s *Session) forward(v *verb, c *command) bool {
	s.subs.only = s.subs.only && !spoilsSubscriptions(v)
	switch v.handling {
	case commands.Share:
		kind, tag := upstream.Pass, uint8(0)
		switch {
		case v.unlisted:
			kind, tag = upstream.Inspect, tagUnknown
		case s.state.watchLost:
			kind = upstream.Inspect // an error decides what EXEC answers
		}
		if !s.send(c.frame, kind, tag) {
			return false
		}
		if v.write {
			s.wroteOn()
		}
		return true
	case commands.Local: // QUIT
		if !s.pinned {
			s.quitting = true
			s.local(okReply)
			s.end()
			return true
		}
		if !s.send(c.frame, upstream.Pass, tagQuit) {
			return false
		}
		s.quitting = true
		s.ending = true // the upstream closes after its reply, and so do we
		return true
	case commands.Keep:
		if v.op == commands.OpSubscribe {
			return s.sendSubscribe(c)
		}
		return s.sendKept(s.translate(c))
	}
	switch v.op {
	case commands.OpClientID, commands.OpClientGetName, commands.OpClientSetName, commands.OpClientSetInfo:
		if !s.pinned && s.env.Multiplex && len(c.frame) <= longestState {
			return s.sendJudged(v.op, c.frame)
		}
	case commands.OpAuth, commands.OpHello:
		return s.sendAuth(v.op, c)
	case commands.OpOvertake:
		switch {
		case isKill(v, c) && s.pinned && !s.raw && !s.mayBeInMulti() && s.listed(killed(c.args(nil))) != nil:
			return s.sendKill(c)
		case s.pinned:
			translated := *c
			translated.frame = s.translate(c)
			return s.sendPinned(v, &translated)
		case isKill(v, c):
			return s.sendKill(c)
		}
		return s.sendOvertaking(s.translate(c))
	case commands.OpWait:
		return s.sendWait(c.frame)
	case commands.OpReset:
		if s.raw && !v.known {
			return s.sendKept(c.frame) // Redis 6.0 does not have it
		}
		return s.sendReset(c.frame)
	}
	return s.sendPinned(v, c)
}

// send sends a whole command on the session's link.
func (s *Session) send(frame []byte, kind upstream.Kind, tag uint8) bool {
	if !s.room() {
		return false
	}
	if s.raw {
		s.count(1)
		s.link.SendRaw(frame)
		return true
	}
	s.inflight++
	if tag == tagBlock {
		s.blocking++
	}
	s.count(1)
	s.link.Send(s, frame, 1, kind, tag)
	return true
}

// pin gives the session an upstream link of its own. False: replies on the
// shared one have to come first, so that order holds.
func (s *Session) pin(fit upstream.Fit) bool {
	if s.pinned {
		return true
	}
	if s.inflight > 0 {
		s.held |= heldIdle
		return false
	}
	l := s.env.Links.Pin(s.identity(), s, fit)
	if l == nil {
		s.crowded = true
		return false
	}
	s.own(l)
	if s.slow {
		l.PauseReading()
	}
	return true
}

// own makes a link the session's, and lets others find it.
func (s *Session) own(l *upstream.Link) {
	s.leave()
	s.link, s.pinned, s.spoilt = l, true, false
	s.listing.link.Store(l)
}

// disown is the opposite.
func (s *Session) disown() *upstream.Link {
	l := s.link
	s.link, s.pinned, s.raw = nil, false, false
	s.listing.link.Store(nil)
	return l
}

// unpin gives the session's own link back once no state is left on it.
func (s *Session) unpin() {
	st := &s.state
	if s.detour {
		s.leave()
		s.detour = false
		s.stay()
	}
	if !s.pinned || s.raw || s.flow != whole || !s.env.Multiplex ||
		st.multi || st.watch || st.watchLost || st.multiLost || st.sticky || s.multis > 0 {
		return
	}
	l := s.disown()
	if s.spoilt || !st.authed || !s.env.Links.Share(l) {
		s.env.Links.Release(l, !s.spoilt)
	}
	s.stay()
}

// stay joins the shared link of a user at once, not only with the next command:
// the user's connection is kept while the session lasts, and if the upstream
// comes to refuse the user the session hears of it.
func (s *Session) stay() {
	if s.state.authed && s.link == nil && s.env.Multiplex && !s.gone {
		s.join(upstream.Key{Identity: s.identity()})
		s.link.Connect()
	}
}

// sendPinned sends a command that makes state which ends, or which can be made
// again on another connection.
func (s *Session) sendPinned(v *verb, c *command) bool {
	if v.op == commands.OpBlockOption && !hasBlock(c) {
		if !s.send(c.frame, upstream.Pass, 0) {
			return false
		}
		if v.write { // XREADGROUP moves its group on
			s.wroteOn()
		}
		return true
	}
	if !s.pin(upstream.Exact) {
		return false
	}
	frame, tag := c.frame, uint8(v.op)
	switch {
	case v.handling == commands.Block || v.op == commands.OpBlockOption:
		tag = tagBlock
	case v.op == commands.OpExec && s.state.watchLost && s.mayBeInMulti():
		// As if a watched key had changed: the transaction is not run.
		frame, tag = discardFrame, tagDiscard
	}
	if !s.room() {
		return false
	}
	s.forgetLostWatch(v.op)
	if !s.send(frame, upstream.Inspect, tag) {
		return false
	}
	switch {
	case s.raw || s.mayBeInMulti() && v.op != commands.OpMulti:
	case v.op == commands.OpMulti:
		s.multis++
	case v.op == commands.OpSelect:
		s.held |= heldIdle // what follows goes to the link of another db, or not
	}
	if v.write {
		s.wroteOn()
	}
	return true
}

// forgetLostWatch notes what ends the need to guard an EXEC, when it is sent: the
// next transaction may stand right behind.
func (s *Session) forgetLostWatch(op commands.Op) {
	switch op {
	case commands.OpExec, commands.OpDiscard:
		s.state.watchLost = s.state.watchLost && !s.mayBeInMulti()
	case commands.OpUnwatch:
		s.state.watchLost = s.state.watchLost && s.mayBeInMulti()
	}
}

// sendKept sends a command after which replies and commands no longer pair, or
// of which we do not know what it leaves behind.
func (s *Session) sendKept(frame []byte) bool {
	if !s.pin(upstream.AsIs) {
		return false
	}
	if !s.raw {
		if s.inflight > 0 {
			s.held |= heldIdle
			return false
		}
		s.raw = true
		s.link.SetRaw()
	}
	return s.send(frame, upstream.Pass, 0)
}

// hasBlock reports whether BLOCK may stand among the options of an XREAD or
// XREADGROUP. A key, group or consumer of that name counts as well: it only costs
// a link. Redis compares options as C strings, so a NUL ends the word.
func hasBlock(c *command) bool {
	for _, a := range c.args(nil)[1:] {
		if isWord(a, "block") {
			return true
		}
	}
	return false
}

// isWord compares an option as the servers do: letter case does not matter, and
// a NUL ends it.
func isWord(arg []byte, word string) bool {
	if i := bytes.IndexByte(arg, 0); i >= 0 {
		arg = arg[:i]
	}
	return len(arg) == len(word) && bytes.EqualFold(arg, []byte(word))
}

// refuse answers a command that does not go up. In a MULTI, or where replies and
// commands no longer pair, a command that the upstream certainly refuses goes up
// in its place: it fails the MULTI as it should, is silent after CLIENT REPLY
// OFF, and its error keeps the place for ours.
func (s *Session) refuse(text string) bool {
	if !s.raw && !s.mayBeInMulti() {
		s.say(text)
		return true
	}
	return s.poisoned(poisonFor(text))
}

// poisoned sends a command that stands for a refusal.
func (s *Session) poisoned(poison []byte) bool {
	if !s.room() {
		return false
	}
	if !s.raw {
		// Where an unknown name does not abort a transaction (miniredis), this does.
		// It goes first: nothing may be left on the link once our answer is there.
		s.link.Send(upstream.Drop, abortFrame, 1, upstream.Pass, 0)
	}
	return s.send(poison, upstream.Inspect, tagPoison)
}
