package resp

import "math"

// HeadArgs is how many leading arguments of a command Requests remembers: enough
// to know a command, its subcommand and its first key. AppendArgs gives them all.
const HeadArgs = 4

// What Redis allows before authentication (networking.c).
const (
	authArgs = 10
	authBulk = 16384
)

// Limits are what a command may announce. They may change between any two calls.
type Limits struct {
	Args   int64 // arguments of a command; never more than 2^31-1. Below Redis 7.0: 1,048,576
	Bulk   int64 // bytes of an argument (proto-max-bulk-len)
	Inline int   // bytes of an inline command before its LF, and of a length's line before its CR
	Auth   bool  // the client has yet to authenticate: at most 10 arguments of 16384 bytes
}

// DefaultLimits are those of Redis 7.0 and later: 2^31-1 arguments of at most
// 512 MiB, inline commands of at most 64 KiB.
func DefaultLimits() Limits {
	return Limits{Args: math.MaxInt32, Bulk: 512 << 20, Inline: 64 << 10}
}

// Kind is what sort of command a scanner ended or is inside.
type Kind uint8

const (
	Unknown   Kind = iota // no byte of a command was seen
	Multibulk             // an array of bulk strings
	Inline                // a line, to be re-encoded by AppendInline
	Empty                 // *0, *-1 or a blank line: answered by nothing and never forwarded
)

// The places inside a command where input can end.
const (
	atStart  uint8 = iota // before the first byte
	inInline              // in an inline command's line
	inCount               // in the line of the argument count
	inLength              // in the line of an argument's length
	inBody                // in an argument or its two last bytes
	atEnd                 // behind a command: the next call begins another
)

type span struct{ lo, hi int }

// Requests scans what a client sends. The zero value is ready. It holds positions
// relative to the first byte of the current command, and no bytes but those of one
// length's line.
type Requests struct {
	line  int // inCount, inLength: where that line begins; below 0 after Rebase
	at    int // where the search for the line's end goes on
	end   int // inBody: behind the argument's two last bytes
	left  int // arguments that are not complete
	argc  int
	nhead int
	head  [HeadArgs]span

	part  [maxDigits + 4]byte // the beginning of a line that is not complete: Rebase may drop its bytes
	npart int

	state   uint8
	kind    Kind
	lenient bool // two bytes that should be CRLF were something else
	moved   bool // Rebase has dropped bytes of this command
}

// Kind is the kind of the command that Next ended or is inside.
func (s *Requests) Kind() Kind { return s.kind }

// Canonical tells whether the bytes of the command that Next ended may be sent as
// they are to any server: it is multibulk and each CRLF is one. For a command that
// is not complete (also after Rebase) it speaks of what was seen of it.
func (s *Requests) Canonical() bool { return s.kind == Multibulk && !s.lenient }

// Argc is the declared number of arguments, at least 1, of a multibulk command; 0
// while it is unknown and for the other kinds.
func (s *Requests) Argc() int { return s.argc }

// Args is how many leading arguments of a multibulk command are complete, at most
// HeadArgs; 0 for the other kinds.
func (s *Requests) Args() int {
	if s.moved {
		return 0
	}
	return s.nhead
}

// Arg is argument i, below Args, as a subslice of the b that Next last saw, or of one
// with the same bytes. It panics for any other i.
func (s *Requests) Arg(b []byte, i int) []byte {
	if i >= s.Args() {
		panic("resp: no such argument")
	}
	a := s.head[i]
	return b[a.lo:a.hi:a.hi]
}

// Need is how many bytes, from b[0], an incomplete command takes at least, so more
// than Next has seen. Every argument that was announced counts, if only with the 6
// bytes of an empty one. After a complete command it is 1.
func (s *Requests) Need() int {
	const empty = len("$0\r\n\r\n")
	need := int64(s.at) + 1
	switch s.state {
	case atStart, atEnd:
		return 1
	case inCount: // the shortest is *0 and CRLF
		need = max(int64(s.line)+4, int64(s.at)+2)
	case inLength:
		need = max(int64(s.line)+4, int64(s.at)+2) + 2 + int64(s.left-1)*int64(empty)
	case inBody:
		need = int64(s.end)
		if rest := int64(s.left-1) * int64(empty); need <= math.MaxInt64-rest {
			need += rest
		}
	}
	return int(min(need, math.MaxInt))
}

// Rebase says that the caller dropped the first k bytes of an incomplete multibulk
// command, having sent them on: the next b begins behind them. k is at most the length
// of the b that Next last saw and may lie anywhere, also inside a line. Afterwards Args
// is 0, and what Next and Need return counts from the new b[0]. (A whole command still has
// n > 0: its last byte was never seen before.)
func (s *Requests) Rebase(k int) {
	if k == 0 || s.state == atStart || s.state == atEnd {
		return
	}
	s.line -= k
	s.at -= k
	s.end -= k
	s.moved = true
}

// Reset forgets the current command.
func (s *Requests) Reset() { *s = Requests{} }
