package upstream

import (
	"math"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/tally"
)

// A Sink sent commands and takes their replies. A session is one. Its methods
// are called on the loop, in the order of the commands.
type Sink interface {
	// Replies takes n whole replies. b is valid only during the call.
	Replies(b []byte, n int)
	// Part takes a piece, not the last, of a reply too long to hold. The last
	// piece comes by Replies(b, 1).
	Part(b []byte)
	// Answer takes the reply of an Inspect or Whole command and that command's bytes.
	// Both are valid only until the call returns or sends on this link.
	Answer(tag uint8, reply, frame []byte)
	// Long says that the reply of an Inspect or Whole command is a value too long to
	// hold: it comes by Part and Replies instead of Answer.
	Long(tag uint8)
	// Local takes the text queued by Link.Local, or the one that Fate put in
	// the place of a lost command, complete with its line end.
	Local(tag uint8, text string)
	// Push takes a RESP3 push. Only a pinned link gives any.
	Push(b []byte)
	// Cut says that the connection was lost in the middle of a reply of which a
	// part was passed on: the client cannot be told, only be closed.
	Cut()
	// Unblocked: the link has room again for one that was told Full.
	Unblocked()
	// Gone reports whether nobody is interested any more. What a gone sink has
	// in flight is read and dropped, what was not sent never is.
	Gone() bool
}

// Verdict says what becomes of a command whose network connection was lost.
type Verdict uint8

const (
	// Keep sends it on the next connection, within Env.Wait.
	Keep Verdict = iota
	// Tell answers it with the text.
	Tell
)

// An Owner has a pinned link to itself and decides what its loss means.
type Owner interface {
	Sink
	// Raw takes what came on a link in raw mode, but for error replies.
	Raw(b []byte)
	// RawError takes one error reply of a link in raw mode.
	RawError(line []byte)
	// Fate decides on one unanswered command; written says whether all of it
	// was given to the transport, so that it may have run, repeatable whether that
	// would do no harm.
	Fate(tag uint8, frame []byte, written, repeatable bool) (Verdict, string)
	// LinkLost is called after the fates were decided and before the answers are
	// given out. True lets the link connect again; false ends it, and LinkGone
	// follows the answers.
	LinkLost(err error) bool
	LinkGone()
	// Refused: the upstream refused the greeting with this error line, for
	// instance because the user has been deleted or the password rotated.
	Refused(line string)
}

// Timer is a pending call.
type Timer interface{ Stop() }

// World is the loop that a link lives on, or a simulation of one.
type World interface {
	Now() int64 // monotonic nanoseconds
	After(d time.Duration, f func()) Timer
	Defer(f loop.Flusher)
	// Dial connects to the upstream and calls open on the loop.
	Dial(open func(loop.Conn, error) loop.Handler) (cancel func())
	Rand() float64 // in [0,1), for jitter
}

// Scripts is the script cache of the upstream as far as a link needs it.
type Scripts interface {
	// AppendMarker appends the command that proves the catalogue is loaded;
	// false: there are no scripts to be had, nothing to prove.
	AppendMarker(dst []byte) ([]byte, bool)
	// Load loads the script of that SHA1, or with "" the whole catalogue, and then
	// calls done on the loop.
	Load(sha string, done func(error))
}

// Always is the answer of Repeatable for what only reads.
const Always = time.Duration(math.MaxInt64)

// Env is what all links of a loop share.
type Env struct {
	World   World
	Scripts Scripts
	// Repeatable tells for how long after it was sent first a command may be run
	// again without harm: Always, 0 for never.
	Repeatable func(frame []byte) time.Duration
	// Wait bounds how long a command waits for an upstream that is not there.
	Wait time.Duration
	// Timeout bounds the wait for a reply: then the connection is given up. 0: none.
	Timeout time.Duration
	// MayBlock reports whether a command with this tag may be long in answering by
	// its nature; nil: none may.
	MayBlock func(tag uint8) bool
	// DialTimeout bounds connecting, and the greeting after it.
	DialTimeout time.Duration
	// AuthRequired is called when a connection without a user was told NOAUTH.
	AuthRequired func()
	Stats        *Stats

	loaded     int64 // loop time when a link last had the catalogue loaded
	everLoaded bool
}

// flushed reports whether the catalogue was loaded a moment ago and is missing
// again: somebody flushes scripts all the time, or several servers answer. To load
// it for each connection would keep all of them from ever being ready.
func (e *Env) flushed() bool {
	return e.everLoaded && e.World.Now()-e.loaded < int64(time.Second)
}

// Stats are counters of one loop. Only the loop touches them.
type Stats struct {
	Connects   tally.Count // greetings that succeeded
	Losses     tally.Count // network connections lost after that
	DialErrors tally.Count // connections that could not be made or greeted
	BytesIn    tally.Count
	BytesOut   tally.Count
	Errors     tally.Counters // error replies by code
	Latency    tally.Histogram
}

// code counts an error reply under its code, the first word.
func (s *Stats) code(line []byte) {
	end := 1
	for end < len(line) && line[end] > ' ' {
		end++
	}
	s.Errors.Add(line[1:end])
}
