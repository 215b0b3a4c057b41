package session

import "sync"

// Gate lets one keyspace scan at a time run on each upstream db: two side by
// side would take twice as long, and everybody else waits for both. It serves
// all loops, hence the lock.
//
// A PURGE with SNAPSHOT or SWEEP goes through the gate anew for each of its steps,
// and like everybody in the order of coming. So a long SWEEP holds up a PURGE of
// one step by no more than a step, and is itself never starved.
type Gate struct {
	mu    sync.Mutex
	queue int
	dbs   map[int]*gateDB
}

type gateDB struct {
	busy    bool
	step    bool // with a step, which is over soon
	waiting []*Ticket
	jobs    int // PURGEs in steps
}

// Ticket is a place in the queue.
type Ticket struct {
	db    int
	step  bool
	grant func() // on any goroutine
}

// NewGate returns a gate that lets at most queue sessions wait for each db.
func NewGate(queue int) *Gate {
	return &Gate{queue: queue, dbs: map[int]*gateDB{}}
}

// at returns what is known of a db.
func (g *Gate) at(db int) *gateDB {
	d := g.dbs[db]
	if d == nil {
		d = &gateDB{}
		g.dbs[db] = d
	}
	return d
}

// tidy forgets a db that nobody has to do with.
func (g *Gate) tidy(db int) {
	if d := g.dbs[db]; d != nil && !d.busy && d.jobs == 0 {
		delete(g.dbs, db)
	}
}

// Enter asks to run a scan. entered: the caller may begin, and calls Leave at
// the end. Else, with a ticket, grant is called when it may begin; without one
// the queue is full.
func (g *Gate) Enter(db int, grant func()) (entered bool, ticket *Ticket) {
	return g.enter(db, false, grant)
}

// EnterStep is Enter for a step of a PURGE that Begin let in. The queue is never
// full for it.
func (g *Gate) EnterStep(db int, grant func()) (entered bool, ticket *Ticket) {
	return g.enter(db, true, grant)
}

func (g *Gate) enter(db int, step bool, grant func()) (entered bool, ticket *Ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.at(db)
	if !d.busy {
		d.busy, d.step = true, step
		return true, nil
	}
	if !step && d.full(g.queue) {
		return false, nil
	}
	t := &Ticket{db: db, step: step, grant: grant}
	d.waiting = append(d.waiting, t)
	return false, t
}

// full reports whether no other scan may wait. Steps have their own places, and
// whoever waits for a step alone does not wait in the queue's sense.
func (d *gateDB) full(queue int) bool {
	if d.step {
		queue++
	}
	for _, t := range d.waiting {
		if !t.step {
			queue--
		}
	}
	return queue <= 0
}

// Leave ends a scan or a step and lets the next begin.
func (g *Gate) Leave(db int) {
	g.mu.Lock()
	d := g.dbs[db]
	var next *Ticket
	if len(d.waiting) > 0 {
		next = d.waiting[0]
		d.waiting = d.waiting[1:]
		d.step = next.step
	} else {
		d.busy = false
		g.tidy(db)
	}
	g.mu.Unlock()
	if next != nil {
		next.grant()
	}
}

// Begin lets a PURGE in steps in, until End. False: there are too many, one more
// than may wait.
func (g *Gate) Begin(db int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.at(db)
	if d.jobs > g.queue {
		return false
	}
	d.jobs++
	return true
}

// End ends what Begin let in.
func (g *Gate) End(db int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dbs[db].jobs--
	g.tidy(db)
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
		s.audited("") // if nobody has seen its reply
		s.gate = gateNone
		s.env.Gate.Leave(s.gateDB)
		if s.slow {
			s.throttle()
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
