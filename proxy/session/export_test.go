package session

import "fmt"

// InFlight is the number of the session's commands without a reply.
func (s *Session) InFlight() int { return s.inflight }

// Lookup finds a name's verb, as the forwarding path does.
func (t *Table) Lookup(name []byte) (known bool) { return t.lookup(name).known }

// PoisonTexts is the number of refusals that have a number.
func PoisonTexts() int {
	texts.Lock()
	defer texts.Unlock()
	return len(texts.list)
}

// HoldsGate reports whether the session has the gate, or a place before it.
func (s *Session) HoldsGate() bool { return s.gate != gateNone }

// Dump tells where a session stands.
func (s *Session) Dump() string {
	connected := s.link != nil && s.link.Connected()
	return fmt.Sprintf("in flight %d, held %05b, buffered %d, pinned %v, raw %v, ending %v, flow %d, gate %d, link %v, connected %v, state %+v",
		s.inflight, s.held, len(s.in), s.pinned, s.raw, s.ending, s.flow, s.gate, s.link != nil, connected, s.state)
}

// PurgeWaits reports whether the session's PURGE in steps waits for the gate.
func (s *Session) PurgeWaits() bool { return s.purge != nil && s.purge.ticket != nil }

// CancelPurge does what PROXY PURGE CANCEL does to the session's PURGE.
func (s *Session) CancelPurge() { s.purge.listing.cancel() }
