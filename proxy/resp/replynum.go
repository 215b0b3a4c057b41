package resp

import "bytes"

// number acts on a whole line, without CRLF, of a type whose line is short. It tells
// whether the reply ends with it.
func (s *Replies) number(line []byte) (done bool, err *ReplyError) {
	c, rest := line[0], line[1:]
	switch c {
	case ':':
		if !isInt(rest) {
			return false, errNumber
		}
		return s.element(), nil
	case '_':
		if len(rest) != 0 {
			return false, errNull
		}
		return s.element(), nil
	case '#':
		if len(rest) != 1 || rest[0] != 't' && rest[0] != 'f' {
			return false, errBool
		}
		return s.element(), nil
	}
	if len(rest) == 1 && rest[0] == '?' {
		return false, errStreamed
	}
	n, ok := parseInt(rest)
	if !ok {
		return false, errLength
	}
	if n == -1 && (c == '$' || c == '*') { // RESP2's nulls
		s.kind = false
		return s.element(), nil
	}
	if c == '$' || c == '!' || c == '=' {
		if n < 0 || n > MaxBulk {
			return false, errLength
		}
		s.kind = s.kind && n >= 9 && n <= 12
		s.state, s.skip = inBulk, n+2
		return false, nil
	}
	return s.aggregate(c, n)
}

// aggregate begins an aggregate of n elements or pairs.
func (s *Replies) aggregate(c byte, n int64) (done bool, err *ReplyError) {
	if n < 0 || n > MaxCount {
		return false, errLength
	}
	if len(s.stack) == MaxDepth {
		return false, errDepth
	}
	if c == '%' || c == '|' {
		n *= 2
	}
	inside := c == '>' && len(s.stack) > 0
	l := level{left: n, aside: c == '|' || inside}
	if n == 0 {
		if l.aside {
			return false, nil
		}
		return s.element(), nil
	}
	s.kind = inside
	s.stack = append(s.stack, l)
	return false, nil
}

// textEnd gives the place of the CR that ends a text, or len(b) if there is none. bad: an LF
// comes first.
func textEnd(b []byte) (end int, bad bool) {
	short := b[:min(len(b), 32)] // most are: one loop then beats two searches
	for i, c := range short {
		if c == '\r' {
			return i, false
		}
		if c == '\n' {
			return i, true
		}
	}
	end = bytes.IndexByte(b, '\r')
	if end < 0 {
		end = len(b)
	}
	return end, bytes.IndexByte(b[:end], '\n') >= 0
}
