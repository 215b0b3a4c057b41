package upstream

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

const (
	// highWater is how many bytes of commands a link holds, unsent and
	// unanswered together, before it asks its senders to pause.
	highWater = 4 << 20
	// earlyWrite is how many bytes of commands are written without waiting for the
	// end of the batch: the upstream works on them while we read the others.
	earlyWrite = 16 << 10
	// maxEntries is how many entries of the ring have the same effect: answers of
	// the proxy's own behind a command that blocks have no bytes in the buffer.
	maxEntries = 64 << 10
	// holdMax is the length up to which a reply that came in pieces is held
	// until it is whole, so that a loss in between can still be told.
	holdMax = 32 << 10
	// wholeMax is the same for replies of kind Whole.
	wholeMax = 16 << 20
	// keepBuf is the capacity that an empty buffer keeps.
	keepBuf = 1 << 20

	backoffFirst = 10 * time.Millisecond
	backoffMax   = time.Second
)

type state uint8

const (
	down     state = iota // no connection; perhaps a timer or a dial under way
	greeting              // connected, the greeting's replies are awaited
	ready
	ended // Close was called or the owner gave it up
)

// Identity is what the greeting brings a connection to. The zero value is the
// upstream's default user, db 0, RESP2.
type Identity struct {
	User, Password string
	Auth           bool // false: no AUTH is sent
	DB             int
	Proto          int // 3, or anything else for RESP2
	Name           string
	LibName        string
	LibVersion     string
}

// Link is one logical upstream connection. See the package comment.
type Link struct {
	env         *Env
	identity    Identity
	owner       Owner        // nil: shared
	orphan      bool         // was taken over, and its owner has gone: closed once nobody else waits on it
	former      Owner        // that owner
	known       bool         // sessions that shared it once may still hold it: it is never shared again
	taken       bool         // was shared, and is now the owner's; what others have in flight is still theirs
	users       int          // sessions that have joined a shared link
	members     members      // those of them that are told when its user is refused
	unusedSince int64        // loop time since when there are none
	epoch       uint32       // counts network connections
	peer        atomic.Int64 // the upstream's id of a pinned connection; 0: not known

	state  state
	conn   loop.Conn
	cancel func() // of the dial or the timer under way
	paused bool   // it is the timer
	cold   bool   // the identity was refused last time
	limit  Timer  // of the greeting
	greet  greeter

	// buf[head:] holds the commands of the ring's entries in order;
	// buf[:sent] was given to the transport. buf[head:loose] need not be kept
	// once sent: it belongs to a streamed command.
	buf               []byte
	head, sent, loose int
	ring              ring
	scan              resp.Replies
	hold              []byte // beginning of a reply that is not whole yet
	midway            bool   // a part of the current reply was passed on
	raw               bool
	byFrame           bool // raw: each frame apart
	expiring          bool
	settling          bool // a loss is being dealt with: what is sent meanwhile waits
	dirty             bool
	waiters           []Sink // paused until there is room
	backoff           time.Duration
	expiry            Timer
	late              Timer
	readPaused        bool
	finishing         bool  // close the sending side once everything is written
	rawSince          int64 // loop time of SetRaw
}

// NewLink returns a link that connects when it is first used. owner is nil for
// one that is shared.
func NewLink(env *Env, id Identity, owner Owner) *Link {
	return &Link{env: env, identity: id, owner: owner}
}

// Connected reports whether the link can send at once.
func (l *Link) Connected() bool { return l.state == ready }

// Shared reports whether the link belongs to nobody.
func (l *Link) Shared() bool { return l.owner == nil }

// Epoch tells one network connection of the link from another. What is sent
// while there is none belongs to the next.
func (l *Link) Epoch() uint32 {
	if l.state == ready {
		return l.epoch
	}
	return l.epoch + 1
}

// InFlight returns the number of commands without a reply.
func (l *Link) InFlight() int {
	n := 0
	for i := range l.ring.len() {
		n += int(l.ring.at(i).n)
	}
	return n
}

// SetIdentity changes what the next connection is brought to. One that was taken
// over stays what it is: what others have in flight on it is of that db and user.
func (l *Link) SetIdentity(id Identity) {
	if !l.taken {
		l.identity = id
	}
}

// Identity is what the connection is now. The owner of a pinned link keeps it
// true when a command of its own changes that.
func (l *Link) Identity() *Identity { return &l.identity }

// PeerID is the id that the upstream gave the network connection of a pinned
// link, as CLIENT ID tells it; 0 if there is none or it would not say. It is the
// one method that may be called on any goroutine.
func (l *Link) PeerID() int64 { return l.peer.Load() }

// queue is where in buf the commands of the ring begin: what is before belongs
// to a streamed command.
func (l *Link) queue() int { return max(l.head, l.loose) }

// Connect begins to connect if that has not begun.
func (l *Link) Connect() {
	if l.state == down && l.cancel == nil && !l.settling {
		if l.cold {
			l.cold = false
			l.retry()
			return
		}
		l.dial()
	}
}

// Close ends the link and its network connection. Those who wait for room go on
// elsewhere; otherwise nothing of it calls anybody afterwards.
func (l *Link) Close() {
	if l.state == ended {
		return
	}
	l.state = ended
	l.stopTimers()
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
	waiters := l.waiters
	l.ring, l.buf, l.hold, l.waiters = ring{}, nil, nil, nil
	for _, w := range waiters {
		w.Unblocked() // to go on elsewhere
	}
}

func (l *Link) stopTimers() {
	if l.cancel != nil {
		l.cancel()
		l.cancel, l.paused = nil, false
	}
	if l.limit != nil {
		l.limit.Stop()
		l.limit = nil
	}
	if l.expiry != nil {
		l.expiry.Stop()
		l.expiry = nil
	}
	if l.late != nil {
		l.late.Stop()
		l.late = nil
	}
}

func (l *Link) dial() {
	l.cancel = l.env.World.Dial(func(c loop.Conn, err error) loop.Handler {
		l.cancel = nil
		if err != nil {
			l.env.Stats.DialErrors++
			l.retry()
			return nil
		}
		l.conn = c
		l.beginGreeting()
		return l
	})
}

// retry dials again after a pause that doubles, with jitter so that many
// proxies do not come back in step.
func (l *Link) retry() {
	if l.state == ended || l.cancel != nil {
		return
	}
	l.state = down
	// No pause is so long that a command that waits for it must give up.
	longest := min(backoffMax, max(l.env.Wait/2, backoffFirst))
	l.backoff = min(max(2*l.backoff, backoffFirst), longest)
	pause := time.Duration((0.5 + 0.5*l.env.World.Rand()) * float64(l.backoff))
	t := l.env.World.After(pause, func() {
		l.cancel, l.paused = nil, false
		l.dial()
	})
	l.cancel, l.paused = t.Stop, true
}

// hurry ends a pause: the upstream is known to be back.
func (l *Link) hurry() {
	if l.paused {
		l.cancel()
		l.cancel, l.paused = nil, false
		l.dial()
	}
}

// drop lets go of the network connection without telling anybody.
func (l *Link) drop() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
	if l.limit != nil {
		l.limit.Stop()
		l.limit = nil
	}
	l.scan.Reset()
	l.hold = nil
	l.readPaused = false
	l.peer.Store(0)
}

var (
	errUnexpected  = errors.New("the upstream sent a reply that nobody asked for")
	errGreeting    = errors.New("the upstream did not answer the greeting in time")
	errTx          = errors.New("the upstream refused EXEC and may still be queueing")
	errFixup       = errors.New("the upstream refused what it took before from the same connection")
	errTimeout     = errors.New("the upstream did not answer within upstream.timeout")
	errUnreachable = errors.New("the upstream is not reachable")
	errEOF         = errors.New("the upstream closed the connection")
)

// Data, Writable, EOF and Closed make a Link the handler of its connection.

// Data takes what the upstream sent.
func (l *Link) Data(b []byte) {
	l.env.Stats.BytesIn += uint64(len(b))
	if l.state == greeting {
		b = l.greeted(b)
	}
	if len(b) == 0 || l.state != ready {
		return
	}
	if l.raw {
		l.rawReplies(b)
		return
	}
	l.replies(b)
	l.reap()
}

// reap closes an orphan that nobody waits on any more.
func (l *Link) reap() {
	if l.orphan && !l.hasOthers() {
		l.Close()
	}
}

// Writable goes on with what the transport did not take.
func (l *Link) Writable() { l.write() }

// EOF may overtake replies that were not read yet; Drained does not.
func (l *Link) EOF() {}

// Drained is a loss: a Redis that has closed its side answers nothing more.
func (l *Link) Drained() { l.lost(errEOF) }

// Closed is a loss.
func (l *Link) Closed(err error) {
	l.conn = nil
	l.lost(err)
}

// Finish ends the sending side once everything queued is written, as a client
// does that closes after its last command: the upstream answers what it has
// got, gives up what blocks, and closes, which comes back as LinkLost.
func (l *Link) Finish() {
	l.finishing = true
	l.touch()
}

// PauseReading stops taking replies, so that TCP pushes back on the upstream.
// Only for a pinned link: on a shared one others wait behind.
func (l *Link) PauseReading() {
	if l.conn != nil && !l.readPaused {
		l.readPaused = true
		l.conn.Pause()
	}
}

// ResumeReading undoes PauseReading.
func (l *Link) ResumeReading() {
	if l.readPaused {
		l.readPaused = false
		if l.conn != nil {
			l.conn.Resume()
		}
	}
}
