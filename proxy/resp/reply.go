package resp

// Bounds of a reply. Nothing is allocated for what is announced: they tell nonsense
// from what a server could mean, which holds at most 2^32 elements in one key.
const (
	MaxDepth = 1024    // nesting; Redis's Lua, the deepest source, stays below 256
	MaxBulk  = 1 << 40 // bytes of a bulk
	MaxCount = 1 << 33 // elements of an aggregate; pairs of a map
)

// maxLine is the longest line of a type whose line holds a number: type, number, CRLF.
const maxLine = 1 + maxDigits + 2

// The places inside a reply where a chunk can end.
const (
	atLine uint8 = iota // at a type byte, or inside a number's line
	inText              // in the text of a line of any length
	inCRLF              // behind the CR of such a line
	inBulk              // in a bulk or its CRLF
	failed
)

// level is an aggregate that is not complete.
type level struct {
	left  int64 // elements to come
	aside bool  // it is not itself an element of the level below: an attribute, a push
}

// Replies scans what a server sends, chunk by chunk as the socket gives it. The zero value
// is ready. It holds no bytes but those of one number's line.
//
// An attribute and the reply behind it are one reply. A push between replies is a reply of
// type '>'. A push inside an array (Redis before 8 sends those: an EXEC whose commands invalidate what the
// client tracks, or publish to it) belongs to the reply around it and is none of its elements, with
// one exception: the confirmation of a (P|S)(UN)SUBSCRIBE is the only reply of that
// command, so it is the element. If such a command inside MULTI names several channels, only
// the request tells how many confirmations are one element; the reply then ends too early and what
// follows looks like replies that nobody asked for.
type Replies struct {
	skip  int64 // bytes to come of a bulk, its CRLF included
	stack []level
	part  [maxLine]byte // the beginning of a number's line
	npart int
	state uint8
	top   byte
	ended bool // the next byte begins another reply
	kind  bool // the next bulk is the kind of a push inside an aggregate
	err   *ReplyError
}

// Type is the first byte of the current top-level reply, or of that which just ended,
// behind its attributes; 0 while unknown.
func (s *Replies) Type() byte { return s.top }

// Reset forgets the current reply, and an error.
func (s *Replies) Reset() { *s = Replies{stack: s.stack[:0]} }

// Next scans b, which continues the current reply: n bytes of it belong to the reply, and
// done tells whether the reply ends there. n is len(b) unless done. err is a *ReplyError;
// from then on, until Reset, every call gives the same.
func (s *Replies) Next(b []byte) (n int, done bool, err error) {
	if s.ended && len(b) > 0 {
		s.ended, s.top = false, 0
	}
	for n < len(b) {
		var took int
		var e *ReplyError
		switch s.state {
		case atLine:
			took, done, e = s.line(b[n:])
		case inText, inCRLF:
			took, done, e = s.text(b[n:])
		case inBulk:
			took, done, e = s.bulk(b[n:])
		default:
			e = s.err
		}
		n += took
		if e != nil {
			s.state, s.err = failed, e
			return n, false, e
		}
		if done {
			s.ended = true
			return n, true, nil
		}
	}
	return n, false, nil
}

// line reads at a type byte, or goes on in a number's line.
func (s *Replies) line(b []byte) (n int, done bool, err *ReplyError) {
	if s.npart > 0 {
		return s.join(b)
	}
	switch b[0] {
	case '+', '-', ',', '(':
		s.begin(b[0])
		s.state = inText
		n, done, err = s.text(b[1:])
		return n + 1, done, err
	case ':', '$', '*', '_', '#', '!', '=', '%', '~', '>', '|':
		s.begin(b[0])
	default:
		return 0, false, errType(b[0])
	}
	n, err = lineEnd(b)
	if err != nil {
		return 0, false, err
	}
	if n == 0 {
		s.npart = copy(s.part[:], b)
		return len(b), false, nil
	}
	done, err = s.number(b[:n-2])
	return n, done, err
}

// join goes on in a number's line that a chunk has cut.
func (s *Replies) join(b []byte) (n int, done bool, err *ReplyError) {
	had := s.npart
	s.npart += copy(s.part[had:], b)
	end, err := lineEnd(s.part[:s.npart])
	if err != nil {
		return 0, false, err
	}
	if end == 0 { // so all of b was copied: a full part always ends or fails
		return len(b), false, nil
	}
	s.npart = 0
	done, err = s.number(s.part[:end-2])
	return end - had, done, err
}

// begin notes the type of a top-level reply; an attribute is not one.
func (s *Replies) begin(c byte) {
	if len(s.stack) == 0 && c != '|' {
		s.top = c
	}
	if c != '$' {
		s.kind = false
	}
}

// lineEnd gives the length of the number's line that b begins with, CRLF included; 0 if it is
// incomplete.
func lineEnd(b []byte) (int, *ReplyError) {
	for i, c := range b[:min(len(b), maxLine-1)] {
		if c > '\r' {
			continue
		}
		if c == '\r' && i+1 == len(b) {
			return 0, nil
		}
		if c == '\r' && b[i+1] == '\n' {
			return i + 2, nil
		}
		return 0, errLine
	}
	if len(b) >= maxLine-1 {
		return 0, errLong
	}
	return 0, nil
}

// text looks for the end of a line of any length.
func (s *Replies) text(b []byte) (n int, done bool, err *ReplyError) {
	if s.state == inText {
		var bad bool
		if n, bad = textEnd(b); bad {
			return 0, false, errLine
		}
		if n == len(b) {
			return n, false, nil
		}
		n++
		s.state = inCRLF
	}
	if n == len(b) {
		return n, false, nil
	}
	if b[n] != '\n' {
		return n, false, errLine
	}
	return n + 1, s.element(), nil
}

// bulk passes over a bulk and checks its CRLF.
func (s *Replies) bulk(b []byte) (n int, done bool, err *ReplyError) {
	if s.kind {
		s.kind = false
		// The kinds of 9 to 12 bytes are (p|s)subscribe, (p|s|)unsubscribe and invalidate, and
		// no other begins with one of these letters; see Replies.
		if c := b[0]; c == 's' || c == 'p' || c == 'u' {
			s.stack[len(s.stack)-1].aside = false
		}
	}
	if s.skip > 2 {
		step := min(s.skip-2, int64(len(b)))
		s.skip -= step
		n = int(step)
	}
	for n < len(b) {
		if b[n] != "\n\r"[s.skip-1] {
			return n, false, errBulkEnd
		}
		n++
		s.skip--
		if s.skip == 0 {
			return n, s.element(), nil
		}
	}
	return n, false, nil
}

// element ends an element and with it every level of which it is the last. It tells
// whether the reply ends.
func (s *Replies) element() bool {
	s.state = atLine
	for n := len(s.stack); n > 0; n-- {
		l := &s.stack[n-1]
		l.left--
		if l.left > 0 {
			return false
		}
		s.stack = s.stack[:n-1]
		if l.aside {
			return false
		}
	}
	return true
}
