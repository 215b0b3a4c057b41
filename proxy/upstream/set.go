package upstream

// Set holds the shared links of one loop, one for each identity.
type Set struct {
	env    *Env
	shared map[Identity]*Link
	pinned map[*Link]struct{}
}

// NewSet returns an empty set.
func NewSet(env *Env) *Set {
	return &Set{env: env, shared: map[Identity]*Link{}, pinned: map[*Link]struct{}{}}
}

// Shared returns the link that all sessions of this identity use together.
func (s *Set) Shared(id Identity) *Link {
	l := s.shared[id]
	if l == nil {
		l = NewLink(s.env, id, nil)
		s.shared[id] = l
	}
	return l
}

// Pin returns a new link that belongs to the owner alone. The owner gives it
// back to Unpin, once.
func (s *Set) Pin(id Identity, owner Owner) *Link {
	l := NewLink(s.env, id, owner)
	s.pinned[l] = struct{}{}
	return l
}

// Unpin closes a pinned link.
func (s *Set) Unpin(l *Link) {
	delete(s.pinned, l)
	l.Close()
}

// Close closes every link.
func (s *Set) Close() {
	for _, l := range s.shared {
		l.Close()
	}
	for l := range s.pinned {
		l.Close()
	}
}

// Gauges are the set's sizes at one moment.
type Gauges struct {
	Shared, Pinned int // links
	Connecting     int // of both, those that cannot send yet
	InFlight       int // commands without a reply
	BufferedBytes  int // of commands unsent or unanswered
}

// Gauges counts. It walks the rings: for a scrape, not for each command.
func (s *Set) Gauges() Gauges {
	g := Gauges{Shared: len(s.shared), Pinned: len(s.pinned)}
	add := func(l *Link) {
		if !l.Connected() {
			g.Connecting++
		}
		g.InFlight += l.InFlight()
		g.BufferedBytes += len(l.buf) - l.head
	}
	for _, l := range s.shared {
		add(l)
	}
	for l := range s.pinned {
		add(l)
	}
	return g
}
