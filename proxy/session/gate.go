package session

import "sync"

// Gate lets one keyspace scan at a time run on each upstream db: two side by
// side would take twice as long, and everybody else waits for both. It serves
// all loops, so it is the one place here with a lock.
type Gate struct {
	mu    sync.Mutex
	queue int
	dbs   map[int]*gateDB
}

type gateDB struct {
	busy    bool
	waiting []*Ticket
}

// Ticket is a place in the queue.
type Ticket struct {
	db    int
	grant func() // on any goroutine
}

// NewGate returns a gate that lets at most queue sessions wait for each db.
func NewGate(queue int) *Gate {
	return &Gate{queue: queue, dbs: map[int]*gateDB{}}
}

// Enter asks to run a scan. entered: the caller may begin, and calls Leave at
// the end. Else, with a ticket, grant is called when it may begin; without one
// the queue is full.
func (g *Gate) Enter(db int, grant func()) (entered bool, ticket *Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.dbs[db]
	if d == nil {
		d = &gateDB{}
		g.dbs[db] = d
	}
	if !d.busy {
		d.busy = true
		return true, nil
	}
	if len(d.waiting) >= g.queue {
		return false, nil
	}
	t := &Ticket{db: db, grant: grant}
	d.waiting = append(d.waiting, t)
	return false, t
}

// Leave ends a scan and lets the next begin.
func (g *Gate) Leave(db int) {
	g.mu.Lock()
	d := g.dbs[db]
	var next *Ticket
	if len(d.waiting) > 0 {
		next = d.waiting[0]
		d.waiting = d.waiting[1:]
	} else {
		delete(g.dbs, db)
	}
	g.mu.Unlock()
	if next != nil {
		next.grant()
	}
}

// Cancel takes a ticket back. False: it was granted already.
func (g *Gate) Cancel(t *Ticket) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.dbs[t.db]
	if d == nil {
		return false
	}
	for i, w := range d.waiting {
		if w == t {
			d.waiting = append(d.waiting[:i], d.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// gateState is where a session stands with the gate.
type gateState uint8

const (
	gateNone    gateState = iota
	gateWaiting           // has a ticket, or its own earlier scan to wait for
	gateGranted           // may send its scan
	gateRunning           // the scan is in flight
	gateFull              // only as an answer: too many wait
)

// enterGate asks for the right to scan the keyspace: granted, full, or waiting,
// in which case the session is held until it may ask again.
func (s *Session) enterGate() gateState {
	if s.gate == gateNone {
		db := s.state.db
		entered, ticket := s.env.Gate.Enter(db, func() { s.env.Post(s.granted) })
		switch {
		case entered:
			s.gate, s.gateDB = gateGranted, db
		case ticket == nil:
			return gateFull
		default:
			s.gate, s.gateDB, s.ticket = gateWaiting, db, ticket
		}
	}
	if s.gate == gateGranted {
		return gateGranted
	}
	s.held |= heldGate
	return gateWaiting
}

// granted is the gate's word that the session's turn has come.
func (s *Session) granted() {
	s.ticket = nil
	s.gate = gateGranted
	if s.gone {
		s.leaveGate()
		return
	}
	s.release(heldGate)
}

// leaveGate gives the right back, if the session has it.
func (s *Session) leaveGate() {
	if s.gate == gateGranted || s.gate == gateRunning {
		s.gate = gateNone
		s.env.Gate.Leave(s.gateDB)
		if s.slow && s.pinned {
			s.link.PauseReading()
		}
		s.release(heldGate)
	}
}

// leaveIfScan ends the scan whose reply has come.
func (s *Session) leaveIfScan(tag uint8) {
	if tag == tagScan {
		s.leaveGate()
	}
}

// forsakeGate gives up a place in the queue, or a right that was not used, when
// the client goes. A scan in flight on a shared link is awaited: the upstream is
// busy with it.
func (s *Session) forsakeGate() {
	switch s.gate {
	case gateWaiting:
		if s.env.Gate.Cancel(s.ticket) {
			s.gate, s.ticket = gateNone, nil
		} // else granted comes, and leaves
	case gateGranted:
		s.leaveGate()
	}
}
