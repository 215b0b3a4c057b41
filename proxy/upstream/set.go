package upstream

import (
	"slices"
	"time"
)

// idleShared is how long a shared link that nobody uses is kept.
const idleShared = 30 * time.Second

// maxFree bounds the clean pinned links that a loop keeps for the next session
// that needs one.
const maxFree = 256

// Key is what the sessions of one shared link have in common.
type Key struct {
	Identity
	// Overtaking is for commands that must not wait behind what is in flight,
	// since they are to stop it.
	Overtaking bool
}

// Set holds the links of one loop.
type Set struct {
	env    *Env
	shared map[Key]*Link
	// passwords are the newest that the upstream accepted, by user.
	passwords map[string]string
	pinned    map[*Link]struct{}
	free      []*Link // pinned before and clean; the last one was used last
	max       int
	main      Key   // is kept also while nobody uses it
	sweep     Timer // closes what is unused
}

// NewSet returns an empty set that has at most max pinned links, free ones
// included. The shared link of the main key is kept also while nobody uses it.
func NewSet(env *Env, main Key, max int) *Set {
	main.Password = "" // as in every key
	return &Set{env: env, main: main, shared: map[Key]*Link{}, passwords: map[string]string{}, pinned: map[*Link]struct{}{}, max: max}
}

// Join returns the link that all sessions of this key use together. The session
// gives it back to Leave when it goes on to another, or ends. If the upstream
// comes to refuse the link's user, the session is told.
func (s *Set) Join(k Key, m Member) *Link {
	l := s.link(k)
	l.users++
	if k.Auth {
		l.members.add(m)
	}
	return l
}

// World is the loop that the links live on.
func (s *Set) World() World { return s.env.World }

// Warm connects the link of a key before anybody asks for it.
func (s *Set) Warm(k Key) { s.link(k).Connect() }

// Hurry has every link that waits for its next attempt make it now.
func (s *Set) Hurry() {
	for _, l := range s.shared {
		l.hurry()
	}
	for l := range s.pinned {
		l.hurry()
	}
}

// Leave says that one session less uses a shared link. One that nobody uses, and
// with it the password of its user, is given up after a while.
func (s *Set) Leave(l *Link, m Member) {
	l.members.remove(m)
	if l.users--; l.users > 0 || !l.Shared() {
		return
	}
	s.unused(l)
}

// unused gives a shared link that nobody uses its time.
func (s *Set) unused(l *Link) {
	l.unusedSince = s.env.World.Now()
	if s.sweep == nil {
		s.sweep = s.env.World.After(idleShared, s.closeUnused)
	}
}

// closeUnused closes the shared links that nobody has used for idleShared, but
// for that of the default identity: the next client is likely to want it.
func (s *Set) closeUnused() {
	s.sweep = nil
	now, waiting := s.env.World.Now(), false
	for k, l := range s.shared {
		if l.users > 0 || k == s.main {
			continue
		}
		if l.ring.len() == 0 && now-l.unusedSince >= int64(idleShared) {
			l.Close()
			delete(s.shared, k)
			continue
		}
		waiting = true
	}
	s.forgetPasswords()
	if waiting {
		s.sweep = s.env.World.After(idleShared, s.closeUnused)
	}
}

func (s *Set) link(k Key) *Link {
	password := s.Password(k.User, k.Password)
	k = k.shared()
	l := s.shared[k]
	if l == nil {
		l = NewLink(s.env, k.Identity, nil)
		s.shared[k] = l
	}
	l.identity.Password = password
	return l
}

// shared is the key without what a shared connection has not: names, and a
// password of one session's.
func (k Key) shared() Key {
	k.Name, k.LibName, k.LibVersion, k.Password = "", "", "", ""
	return k
}

// Fit says which free links may serve a session.
type Fit uint8

const (
	// Exact brings the link to the session's identity.
	Exact Fit = iota
	// AsIs takes only a link that needs nothing first: no reply but those to the
	// owner's commands may come on it.
	AsIs
	// AnyUser is for a command that authenticates: whoever the connection
	// belonged to, it is another's afterwards, or the command fails. Nothing is
	// sent before it: from 7.2 on Redis gives no reply to a failed authentication
	// while an earlier reply is still to be written (addAuthErrReply in acl.c).
	AnyUser
)

// Pin gives the owner a link of its own, a free one if there is one that fits.
// nil: there are as many as there may be.
func (s *Set) Pin(id Identity, owner Owner, fit Fit) *Link {
	if l := s.take(id, fit); l != nil {
		l.owner = owner
		s.pinned[l] = struct{}{}
		if fit != AnyUser {
			l.fixUp(id)
		}
		return l
	}
	if len(s.pinned)+len(s.free) >= s.max {
		if len(s.free) == 0 {
			return nil
		}
		s.free[0].Close() // of another identity, and the longest unused
		s.free = s.free[1:]
	}
	id.Password = s.Password(id.User, id.Password)
	l := NewLink(s.env, id, owner)
	s.pinned[l] = struct{}{}
	return l
}

// take removes the free link that needs the least to become id's.
func (s *Set) take(id Identity, fit Fit) *Link {
	best, found := 0, -1
	for i := len(s.free) - 1; i >= 0 && best < 3; i-- {
		if q := s.free[i].identity.fits(id, fit); q > best {
			best, found = q, i
		}
	}
	if found < 0 {
		return nil
	}
	l := s.free[found]
	s.free = slices.Delete(s.free, found, found+1)
	return l
}

// fits grades how near a connection is to an identity: 3 is it already, 0
// cannot become it.
func (id *Identity) fits(want Identity, fit Fit) int {
	want.Password = id.Password // the connection is that user's, whatever opened it
	switch {
	case *id == want:
		return 3
	case fit == AsIs:
		return 0
	case id.Auth == want.Auth && id.User == want.User:
		if id.DB == want.DB && id.Proto == want.Proto {
			return 2
		}
		return 1
	case fit == AnyUser:
		return 1
	}
	return 0
}

// fixUp brings a link that was another session's to the identity. Only its user
// is not changed: see Fit.
func (l *Link) fixUp(want Identity) {
	have := l.identity
	l.identity = want
	l.identity.Auth, l.identity.User, l.identity.Password = have.Auth, have.User, have.Password
	from := Identity{DB: have.DB, Proto: have.Proto, Name: have.Name, LibName: have.LibName, LibVersion: have.LibVersion}
	b, n := want.change(from, nil)
	if n > 0 {
		l.Send(fixup{l}, b, n, Inspect, 0)
		l.ring.back().once = true
	}
}

// Release takes a pinned link back from its owner, who has nothing in flight on
// it. clean: nothing of the owner is left on the connection but its Identity.
func (s *Set) Release(l *Link, clean bool) {
	if !clean || !l.atRest() || len(s.free) >= maxFree {
		s.Unpin(l)
		return
	}
	delete(s.pinned, l)
	l.taken = false
	l.owner = idle{fixup{l}, s}
	s.free = append(s.free, l)
}

// Share makes a pinned link, clean as for Release, the shared one of its user
// where there is none yet. A connection outlives the password that opened it, as
// with the server itself; one that is opened later does not. False: it stays
// the owner's.
func (s *Set) Share(l *Link) bool {
	k := Key{Identity: l.identity}.shared()
	if !l.atRest() || l.known {
		return false
	}
	if old := s.shared[k]; old != nil {
		if old.state == ready || old.users > 0 || old.ring.len() > 0 {
			return false
		}
		old.Close() // it is not connected, and nobody's
	}
	delete(s.pinned, l)
	l.owner, l.taken = nil, false
	// Some users may not change names: then the last one's stays, for CLIENT LIST to show.
	if b, n := k.change(l.identity, nil); n > 0 {
		l.Send(Drop, b, n, Pass, 0)
	}
	password := l.identity.Password
	l.identity = k.Identity
	l.identity.Password = password
	s.shared[k] = l
	s.unused(l)
	return true
}

// atRest reports whether another may go on with the link as it is.
func (l *Link) atRest() bool {
	return !l.raw && l.state == ready && l.ring.len() == 0 && !l.readPaused && !l.finishing
}

// Unpin closes a pinned link. What others have in flight on one that was taken
// over is still answered first.
func (s *Set) Unpin(l *Link) {
	delete(s.pinned, l)
	if l.taken && l.hasOthers() {
		l.owner, l.former, l.orphan = idle{fixup{l}, s}, l.owner, true
		return
	}
	l.Close()
}

// hasOthers reports whether replies to others than the owner are still to come.
// Those to clients that have gone count too: a scan is over when its reply comes.
func (l *Link) hasOthers() bool {
	for i := range l.ring.len() {
		if !l.owns(l.ring.at(i)) {
			return true
		}
	}
	return false
}

// TakeOver makes a shared or free link the owner's, for a command that speaks
// of what was sent on this very connection. False: it is another's, or gone.
func (s *Set) TakeOver(l *Link, owner Owner) bool {
	switch i := slices.Index(s.free, l); {
	case i >= 0:
		s.free = slices.Delete(s.free, i, i+1)
	case len(s.pinned)+len(s.free) < s.max && s.isShared(l):
		l.taken, l.known = true, true
	default:
		return false
	}
	l.owner = owner
	s.pinned[l] = struct{}{}
	if l.state == ready && l.PeerID() == 0 { // CLIENT UNBLOCK needs it
		l.Send(askPeer{fixup{l}}, clientID, 1, Inspect, 0)
	}
	return true
}

func (s *Set) isShared(l *Link) bool {
	for k, m := range s.shared {
		if m == l {
			delete(s.shared, k)
			return true
		}
	}
	return false
}

// Close closes every link.
func (s *Set) Close() {
	for _, l := range s.shared {
		l.Close()
	}
	for l := range s.pinned {
		l.Close()
	}
	for _, l := range s.free {
		l.Close()
	}
}

// Gauges are the set's sizes at one moment.
type Gauges struct {
	Shared, Pinned, Free int // links that can send
	Connecting           int // links that cannot yet
	InFlight             int // commands without a reply
	BufferedBytes        int // of commands unsent or unanswered
}

// Gauges counts. It walks the rings: for a scrape, not for each command.
func (s *Set) Gauges() Gauges {
	g := Gauges{Free: len(s.free)}
	add := func(l *Link, kind *int) {
		if l.state == ready {
			*kind++
		} else if l.cancel != nil || l.state == greeting {
			g.Connecting++
		}
		g.InFlight += l.InFlight()
		g.BufferedBytes += len(l.buf) - l.head
	}
	for _, l := range s.shared {
		add(l, &g.Shared)
	}
	for l := range s.pinned {
		add(l, &g.Pinned)
	}
	return g
}
