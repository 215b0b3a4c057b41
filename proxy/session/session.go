package session

import (
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// held says why a session does not take its client's commands for a while.
type held uint8

const (
	heldIdle   held = 1 << iota // until every reply has come: it moves to a link of its own
	heldFull                    // until the link has room
	heldGate                    // until it may scan the keyspace
	heldScript                  // until the scripts are loaded again
	heldUnsub                   // until it is known whether a subscription is left
	heldReset                   // until RESET has put a raw link's session back
)

// flow says what becomes of the bytes of a command that is too long to buffer.
type flow uint8

const (
	whole   flow = iota // commands are taken whole
	stream              // passed on as they come
	swallow             // dropped: the command was refused
)

// Session is one client's conversation. Its zero value is not ready: see Init.
type Session struct {
	env    *Env
	client Client
	req    resp.Requests
	in     []byte // bytes that were not taken yet
	link   *upstream.Link
	state  state

	multis    int // MULTIs in flight
	blocking  int // commands in flight that may block
	inflight  int // commands without a reply, refusals included
	held      held
	flow      flow
	pinned    bool // link is the session's own
	rawCustom bool // a custom command was sent in raw mode
	raw       bool // link is in raw mode: replies and commands no longer pair
	busy      bool // process is running
	ending    bool // no more commands are taken
	quitting  bool // the client sent QUIT
	eof       bool // the client sends no more
	gone      bool // the client's connection is closed
	bereft    bool // the upstream connection was lost with state that we cannot make again
	broke     bool // the client sent what is no command
	paused    bool

	writes  waiting
	subs    subscriptions
	listing *listing
	victim  *listing // of the CLIENT KILL in flight
	subject int64    // of the PROXY PURGE CANCEL in flight
	kept    bool     // while a loss is dealt with: a command waits for the next connection
	spoilt  bool     // the session's own link must not be used by another
	detour  bool     // link is the one for commands that overtake others
	crowded bool     // there was no link of its own to be had
	slow    bool     // the client is slow to take replies

	purge *purge   // PURGE in steps, which the client waits for
	scan  auditing // PURGE in one step

	gate   gateState
	ticket *Ticket
	gateDB int
	heals  int // times in a row that a script was missing
}

// Init makes s ready for a client.
func (s *Session) Init(env *Env, client Client) {
	*s = Session{env: env, client: client}
	s.state = s.fresh()
	s.listing = env.Directory.add(func() { env.Post(s.Kill) })
}

// Data takes bytes of the client.
func (s *Session) Data(b []byte) {
	if s.ending || s.gone {
		return
	}
	if len(s.in) > 0 {
		s.keep(b)
		s.work()
		return
	}
	n := s.process(b)
	if n < len(b) && !s.ending && !s.gone {
		s.keep(b[n:])
	}
	s.pace()
	s.settle()
}

// EOF: the client sends no more. What it has sent is still answered.
func (s *Session) EOF() {
	s.eof = true
	if s.purge != nil {
		s.purge.cancel(purgeForsaken)
	}
	if s.blocking > 0 && s.pinned && !s.ending {
		// As Redis does: what blocks gives up, and nothing behind it runs.
		s.ending = true
		s.drop()
		s.link.Finish()
		return
	}
	s.settle()
}

// Closed: the client's connection is gone. What it has in flight is answered to
// nobody; a link of its own is closed at once, so that what blocks there pops
// no element for nobody.
func (s *Session) Closed() {
	if s.gone {
		return
	}
	s.gone = true
	s.env.Directory.remove(s.listing)
	if s.purge != nil {
		s.purge.cancel(purgeForsaken)
	}
	s.drop()
	if s.pinned {
		s.env.Links.Unpin(s.disown())
		s.leaveGate() // its reply will not come
	}
	s.leave()
	s.forsakeGate()
}

// Drain ends the session as soon as what is in flight is answered. A SWEEP, which
// may take long, is stopped.
func (s *Session) Drain() {
	if s.purge != nil && s.purge.plan.Sweep {
		s.purge.cancel(purgeDrained)
	}
	if s.raw {
		s.client.Abort(Draining)
		return
	}
	s.end()
}

// Gone reports whether the client has left.
func (s *Session) Gone() bool { return s.gone }

// Pinned reports whether the session has an upstream link of its own.
func (s *Session) Pinned() bool { return s.pinned }

// keep holds bytes until they can be taken.
func (s *Session) keep(b []byte) {
	s.env.Buffered += len(b)
	s.in = append(s.in, b...)
	if s.env.Buffered > s.env.InputMax {
		s.client.Abort(InputTotal)
	}
}

// drop forgets the bytes that were not taken.
func (s *Session) drop() {
	s.env.Buffered -= len(s.in)
	s.in = nil
}

// work takes what is held, where nothing stands in the way any more.
func (s *Session) work() {
	if s.busy || s.gone {
		return
	}
	if len(s.in) > 0 && s.held == 0 && !s.ending {
		n := s.process(s.in)
		if s.gone {
			return
		}
		s.env.Buffered -= n
		if s.in = s.in[n:]; len(s.in) == 0 {
			s.in = nil
		}
		if s.ending {
			s.drop()
		}
	}
	s.pace()
	s.settle()
}

// pace stops reading from a client whose commands cannot be taken now, so that
// TCP pushes back instead of memory filling up.
func (s *Session) pace() {
	stop := s.held != 0 && len(s.in) > 0
	if stop == s.paused || s.gone {
		return
	}
	s.paused = stop
	if stop {
		s.client.Pause()
	} else {
		s.client.Resume()
	}
}

// release lifts a hold.
func (s *Session) release(h held) {
	if s.held&h != 0 {
		s.held &^= h
		s.work()
	}
}

// end takes no more commands and closes once everything is answered.
func (s *Session) end() {
	s.ending = true
	if s.gate == gateGranted {
		s.leaveGate()
	}
	if !s.busy { // else process is still reading from what it would drop
		s.drop()
	}
	s.settle()
}

// settle does what waits for the moment when nothing is in flight.
func (s *Session) settle() {
	if s.gone || s.busy {
		return
	}
	if s.inflight == 0 && s.held&^heldIdle == 0 {
		s.unpin()
		if s.held != 0 {
			s.release(heldIdle)
			return
		}
	}
	if s.eof && s.held == 0 && !s.ending {
		// Whole commands were taken; what is left of one never becomes whole.
		if s.pinned && (s.raw || s.inflight > 0) {
			s.ending = true
			s.link.Finish() // what blocks there gives up
			return
		}
		s.end()
		return
	}
	if s.ending && s.inflight == 0 && !s.raw {
		s.client.Finish(s.endReason())
	}
}

func (s *Session) endReason() Reason {
	switch {
	case s.broke:
		return ProtocolError
	case s.quitting:
		return ClientQuit
	case s.eof:
		return ClientEOF
	case s.bereft:
		return UpstreamLost
	}
	return Draining
}

// local answers a command by the proxy, behind what is in flight.
func (s *Session) local(text string) {
	s.env.Counts.Local++
	s.say(text)
}

// say is local without counting.
func (s *Session) say(text string) {
	if s.inflight == 0 {
		s.client.SendString(text)
		return
	}
	s.inflight++
	s.link.Local(s, 0, text)
}

// protocolError ends the conversation as Redis does: the good commands before
// are answered, then the error, then the connection closes.
func (s *Session) protocolError(text string) {
	s.broke = true
	if s.raw { // the error finds its place among what comes, and ends with it
		s.refuse("-ERR " + text + "\r\n")
		s.ending = true
		s.link.Finish()
		return
	}
	s.local("-ERR " + text + "\r\n")
	s.end()
}
