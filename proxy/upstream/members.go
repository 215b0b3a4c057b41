package upstream

import (
	"cmp"
	"maps"
	"slices"
)

// A Member is a session on a shared link of a user who has authenticated.
type Member interface {
	// Refused: the upstream does not accept the user any more.
	Refused(line string)
}

// members are a link's, by the order in which they came, so that whoever replays
// a simulation sees them told in the same order.
type members struct {
	joined map[Member]uint64
	n      uint64
}

func (ms *members) add(m Member) {
	if ms.joined == nil {
		ms.joined = map[Member]uint64{}
	}
	ms.n++
	ms.joined[m] = ms.n
}

func (ms *members) remove(m Member) { delete(ms.joined, m) }

// refused tells all of them. They may leave meanwhile.
func (ms *members) refused(line string) {
	all := slices.SortedFunc(maps.Keys(ms.joined), func(a, b Member) int { return cmp.Compare(ms.joined[a], ms.joined[b]) })
	for _, m := range all {
		m.Refused(line)
	}
}

// Accepted notes a password that the upstream has just accepted. Connections of
// the user that have to be made again are made with it, whoever gave it: after a
// rotation the older ones are of no use.
func (s *Set) Accepted(user, password string) {
	if old, ok := s.passwords[user]; ok && old == password {
		return
	}
	s.passwords[user] = password
	renew := func(l *Link) {
		if l.identity.Auth && l.identity.User == user {
			l.identity.Password = password
		}
	}
	for _, l := range s.shared {
		renew(l)
	}
	for l := range s.pinned {
		renew(l)
	}
	for _, l := range s.free {
		renew(l)
	}
}

// Password is the newest of a user's passwords; own where none is known.
func (s *Set) Password(user, own string) string {
	if p, ok := s.passwords[user]; ok && own != "" {
		return p
	}
	return own
}

// forgetPasswords drops those of users who have no connection.
func (s *Set) forgetPasswords() {
	used := map[string]bool{}
	for k := range s.shared {
		used[k.User] = true
	}
	for l := range s.pinned {
		used[l.identity.User] = true
	}
	maps.DeleteFunc(s.passwords, func(user, _ string) bool { return !used[user] })
}
