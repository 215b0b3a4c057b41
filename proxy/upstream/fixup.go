package upstream

// fixup is the sink of the commands that bring a free link to an identity. They
// were accepted before, so an error means that the connection is not what we
// think it is.
type fixup struct{ link *Link }

func (f fixup) Answer(_ uint8, reply, _ []byte) {
	if reply[0] == '-' {
		f.link.lost(errFixup)
	}
}

// Replies takes all but the last reply of a fix-up of several commands.
func (f fixup) Replies(b []byte, _ int) { f.Answer(0, b, nil) }

func (fixup) Part([]byte)         {}
func (fixup) Long(uint8)          {}
func (fixup) Local(uint8, string) {}
func (fixup) Push([]byte)         {}
func (fixup) Raw([]byte)          {}
func (fixup) RawError([]byte)     {}
func (fixup) Cut()                {}
func (fixup) Unblocked()          {}
func (fixup) Gone() bool          { return false }

// idle owns a free link: whatever comes on it, it is not used again.
type idle struct {
	fixup
	set *Set
}

func (i idle) Fate(uint8, []byte, bool, bool) (Verdict, string) { return Tell, Unavailable }

func (i idle) LinkLost(error) bool {
	for k, l := range i.set.free {
		if l == i.link {
			i.set.free = append(i.set.free[:k], i.set.free[k+1:]...)
			break
		}
	}
	return i.link.orphan && i.link.hasOthers()
}

func (idle) LinkGone() {}

func (i idle) Refused(string) { i.LinkLost(nil) }

// askPeer is the sink of a CLIENT ID that is sent on a link which was shared.
type askPeer struct{ fixup }

func (a askPeer) Answer(_ uint8, reply, _ []byte) { a.link.learnPeer(reply) }

// drop is a sink for replies that nobody wants.
type drop struct{ fixup }

func (drop) Answer(uint8, []byte, []byte) {}
func (drop) Replies([]byte, int)          {}

// Drop is the sink of commands whose replies are of no interest.
var Drop Sink = drop{}
