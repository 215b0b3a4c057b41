package resp

import "bytes"

// AppendInline re-encodes an inline command as a canonical multibulk one. line is the command
// as Next ended it, its LF or CRLF included or not. argc is how many arguments it has;
// with 0 (a blank line) and with an error, which is a *ProtocolError, nothing is appended.
//
// Quoting is Redis's (sdssplitargs): "…" knows \n \r \t \b \a \xHH and \c for any other c,
// '…' knows \' only, a quote may begin inside an argument, and behind the closing quote there
// must be a blank. (Valkey 9.1 takes "a"b as ab; since only our reading goes upstream,
// the stricter rule is safe everywhere.)
func AppendInline(dst []byte, line []byte) (out []byte, argc int, err error) {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if bytes.IndexByte(line, 0) >= 0 {
		return dst, 0, errInlineNUL
	}
	start := len(dst)
	out = dst
	for p := skipBlanks(line, 0); p < len(line); p = skipBlanks(line, p) {
		lo := len(out)
		if out, p, err = appendWord(out, line, p); err != nil {
			return dst, 0, err
		}
		// The length is known only now, and goes in front of the word.
		out = insertHeader(out, lo, '$', len(out)-lo)
		out = append(out, '\r', '\n')
		argc++
	}
	if argc > 0 {
		out = insertHeader(out, start, '*', argc)
	}
	return out, argc, nil
}

// insertHeader puts a line of a type byte and a number at b[at:], before what is there.
func insertHeader(b []byte, at int, kind byte, n int) []byte {
	var line [maxDigits + 4]byte
	h := appendHeader(line[:0], kind, n)
	b = append(b, h...)
	copy(b[at+len(h):], b[at:])
	copy(b[at:], h)
	return b
}

// skipBlanks gives the first place from p on that is no blank.
func skipBlanks(line []byte, p int) int {
	for p < len(line) && isBlank(line[p]) {
		p++
	}
	return p
}

// isBlank is isspace of the C locale, which Redis runs in.
func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// appendWord appends the argument that begins at line[p] and returns where it ends. Only
// blank, tab, CR and LF end an unquoted one: \v and \f do not, as in Redis.
func appendWord(dst, line []byte, p int) ([]byte, int, error) {
	for p < len(line) {
		switch c := line[p]; c {
		case ' ', '\t', '\r', '\n':
			return dst, p, nil
		case '"', '\'':
			var ok bool
			if c == '"' {
				dst, p, ok = appendDouble(dst, line, p+1)
			} else {
				dst, p, ok = appendSingle(dst, line, p+1)
			}
			if !ok || p < len(line) && !isBlank(line[p]) {
				return dst, p, errQuotes
			}
			return dst, p, nil
		default:
			dst = append(dst, c)
			p++
		}
	}
	return dst, p, nil
}

// appendDouble appends what stands between double quotes, p being behind the first.
func appendDouble(dst, line []byte, p int) ([]byte, int, bool) {
	for p < len(line) {
		c := line[p]
		p++
		switch {
		case c == '"':
			return dst, p, true
		case c == '\\' && p+2 < len(line) && line[p] == 'x' && unhex(line[p+1]) < 16 && unhex(line[p+2]) < 16:
			c = unhex(line[p+1])<<4 | unhex(line[p+2])
			p += 3
		case c == '\\' && p < len(line):
			c = unescape(line[p])
			p++
		}
		dst = append(dst, c)
	}
	return dst, p, false
}

// appendSingle does the same for single quotes.
func appendSingle(dst, line []byte, p int) ([]byte, int, bool) {
	for p < len(line) {
		c := line[p]
		p++
		switch {
		case c == '\'':
			return dst, p, true
		case c == '\\' && p < len(line) && line[p] == '\'':
			c = '\''
			p++
		}
		dst = append(dst, c)
	}
	return dst, p, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

// unhex is the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
