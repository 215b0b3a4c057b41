package resp

import (
	"bytes"
	"math"
)

// Next looks for the end of the command whose first byte is b[0]. With n > 0 the
// command is b[:n], and the next call begins another. With n == 0 and no error it is
// incomplete: call again with the same bytes and more of them behind, or tell Rebase what was dropped.
// err is a *ProtocolError; the same call again gives the same error.
//
// Arguments that Arg gave stay valid until the next call.
func (s *Requests) Next(b []byte, lim *Limits) (n int, err error) {
	if s.state == atEnd || s.state == atStart {
		if len(b) == 0 {
			return 0, nil
		}
		s.begin(b, lim)
	}
	for {
		switch s.state {
		case inInline:
			return s.inline(b, lim)
		case inCount:
			if n, err = s.count(b, lim); s.state != inLength || err != nil {
				return n, err
			}
		case inLength:
			if n = s.short(b, lim); n > 0 {
				return n, nil
			}
			if err = s.length(b, lim); s.state != inBody || err != nil {
				return 0, err
			}
		case inBody:
			if n = s.body(b); n > 0 || s.state == inBody {
				return n, nil
			}
		}
	}
}

// begin looks at the first bytes of a command. The usual *1 to *9 is read here at once.
func (s *Requests) begin(b []byte, lim *Limits) {
	s.line, s.at, s.npart = 0, 0, 0
	s.argc, s.left, s.nhead = 0, 0, 0
	s.lenient, s.moved = false, false
	if b[0] != '*' {
		s.state, s.kind = inInline, Inline
		return
	}
	s.kind = Multibulk
	if len(b) >= 4 && b[2] == '\r' && b[3] == '\n' {
		if d := int(b[1]) - '0'; d >= 1 && d <= 9 && int64(d) <= lim.Args {
			s.argc, s.left = d, d
			s.state, s.line, s.at = inLength, 4, 4
			return
		}
	}
	s.state = inCount
}

// short takes the arguments at s.line that are complete and below 1000 bytes: nearly
// all there are. Where it meets anything else it stops and leaves that to length, which knows
// every case. It returns the command's length if it took the last argument.
func (s *Requests) short(b []byte, lim *Limits) int {
	p, left, nhead := s.line, s.left, s.nhead
	if p < 0 {
		return 0
	}
	for left > 0 && len(b)-p >= 6 && b[p] == '$' {
		n, q := int(b[p+1])-'0', p+3 // q: behind the '\r'
		if n < 0 || n > 9 {
			break
		}
		for ; b[q-1] != '\r' && q < p+5; q++ {
			d := int(b[q-1]) - '0'
			if d < 0 || d > 9 || n == 0 { // a leading zero is an error, and length's to tell
				break
			}
			n = n*10 + d
		}
		if b[q-1] != '\r' || b[q] != '\n' || int64(n) > lim.Bulk {
			break
		}
		lo, hi := q+1, q+1+n
		if hi+2 > len(b) {
			break
		}
		if b[hi] != '\r' || b[hi+1] != '\n' {
			s.lenient = true
		}
		if nhead < HeadArgs {
			s.head[nhead] = span{lo, hi}
			nhead++
		}
		p = hi + 2
		left--
	}
	if p != s.line {
		s.line, s.at, s.npart = p, p, 0
		s.left, s.nhead = left, nhead
	}
	if left > 0 {
		return 0
	}
	s.state = atEnd
	return p
}

// inline looks for the LF of an inline command, which must be within the first Inline+1
// bytes. (Redis finds it further on where one read brought both; a rule that
// depends on the cut is none.)
func (s *Requests) inline(b []byte, lim *Limits) (int, error) {
	i := bytes.IndexByte(b[s.at:], '\n')
	if i < 0 {
		s.at = len(b)
		if len(b) > lim.Inline {
			return 0, errInlineLong
		}
		return 0, nil
	}
	s.at += i
	if s.at > lim.Inline {
		return 0, errInlineLong
	}
	line := b[:s.at]
	// Redis searches with strchr, to which a NUL ends the buffer: the client hangs until
	// 64 KiB are full. Where a server searches otherwise the argument would end at the NUL. So
	// such a line means nothing certain and is refused.
	if bytes.IndexByte(line, 0) >= 0 {
		return 0, errInlineNUL
	}
	s.state = atEnd
	if skipBlanks(line, 0) == len(line) {
		s.kind = Empty
	}
	return len(line) + 1, nil
}

// count reads the line that says how many arguments follow. It returns the length of
// a command that ends with this line, having none.
func (s *Requests) count(b []byte, lim *Limits) (int, error) {
	line, next, err := s.header(b, lim, errCountLine)
	if line == nil || err != nil {
		return 0, err
	}
	n, ok := parseInt(line[1:])
	switch {
	case !ok || n > lim.Args || n > math.MaxInt32:
		return 0, errCount
	case lim.Auth && n > authArgs:
		return 0, errCountAuth
	case n <= 0:
		s.state, s.kind = atEnd, Empty
		return next, nil
	}
	s.argc, s.left = int(n), int(n)
	s.state, s.line, s.at, s.npart = inLength, next, next, 0
	return 0, nil
}

// length reads the line that says how long the next argument is.
func (s *Requests) length(b []byte, lim *Limits) error {
	line, next, err := s.header(b, lim, errBulkLine)
	if line == nil || err != nil {
		return err
	}
	if len(line) == 0 {
		return errExpected('\r') // an empty line: Redis sees its CR
	}
	if line[0] != '$' {
		return errExpected(line[0])
	}
	n, ok := parseInt(line[1:])
	switch {
	case !ok || n < 0 || n > lim.Bulk || n > int64(math.MaxInt-2-max(next, 0)):
		return errBulk
	case lim.Auth && n > authBulk:
		return errBulkAuth
	}
	s.state, s.line, s.npart = inBody, next, 0
	s.end = next + int(n) + 2
	return nil
}

// body ends the argument of s.line to s.end. It returns the command's length if that was the last.
func (s *Requests) body(b []byte) int {
	// Each of the two last bytes is looked at as soon as it is there: Rebase may drop it.
	if i := s.end - 2; i >= 0 && i < len(b) && b[i] != '\r' {
		s.lenient = true
	}
	if len(b) < s.end {
		return 0
	}
	if b[s.end-1] != '\n' {
		s.lenient = true
	}
	if s.nhead < HeadArgs { // worth nothing after Rebase, when Args is 0
		s.head[s.nhead] = span{s.line, s.end - 2}
		s.nhead++
	}
	s.left--
	if s.left == 0 {
		s.state = atEnd
		return s.end
	}
	s.state, s.line, s.at = inLength, s.end, s.end
	return 0
}

// header looks for the end of the line that begins at s.line. It returns the line
// without its end, or as much of it as any valid line has, and where the next begins; nil
// while the line is incomplete; tooBig unless there is a CR within the first Inline+1 bytes.
//
// As in Redis the CR ends the line and the byte behind it is skipped. A NUL before the CR
// stops Redis (strchr), which then waits for 64 KiB; Valkey from 8.1 on calls it an invalid length,
// as we do.
func (s *Requests) header(b []byte, lim *Limits, tooBig *ProtocolError) (line []byte, next int, err error) {
	cr := s.at
	if cr >= 0 { // else Rebase dropped the CR, the last byte that there was
		i := bytes.IndexByte(b[cr:], '\r')
		if i < 0 {
			i = len(b) - cr
		}
		cr += i
		s.at = cr
	}
	if cr-s.line > lim.Inline {
		return nil, 0, tooBig
	}
	if cr+1 >= len(b) {
		s.keep(b)
		return nil, 0, nil
	}
	if b[cr+1] != '\n' {
		s.lenient = true
	}
	if s.line >= 0 {
		return b[s.line:cr], cr + 2, nil
	}
	s.keep(b)
	return s.part[:min(s.npart, cr-s.line)], cr + 2, nil
}

// keep copies the beginning of the line at s.line, as far as it is there and fits.
func (s *Requests) keep(b []byte) {
	for s.npart < len(s.part) && s.line+s.npart < len(b) {
		s.part[s.npart] = b[s.line+s.npart]
		s.npart++
	}
}
