package commands

const (
	maxPattern = 1024 // bytes of a pattern or prefix as the client gives it
	maxStars   = 8    // each star multiplies what matching one key can cost
)

// globShape counts what matters of a pattern, reading it as Redis's stringmatchlen does: a class that is never closed
// goes on to the end, a backslash takes the next byte literally, a lone one at the end stands for itself.
func globShape(p []byte) (stars, literals int) {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '*':
			stars++
		case '?':
		case '[':
			i = classEnd(p, i)
		case '\\':
			if i+1 < len(p) {
				i++
			}
			literals++
		default:
			literals++
		}
	}
	return stars, literals
}

// classEnd returns where the class that begins at p[i] ends: its ']' or the last byte.
func classEnd(p []byte, i int) int {
	i++
	if i < len(p) && p[i] == '^' {
		i++
	}
	for ; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
		case p[i] == ']':
			return i
		case i+2 < len(p) && p[i+1] == '-':
			i += 2 // a range: its end may be a ']' that closes nothing
		}
	}
	return len(p) - 1
}

func (t *errorTexts) checkGlob(p []byte, allowAny bool) *Error {
	if len(p) > maxPattern {
		return t.tooLong
	}
	stars, literals := globShape(p)
	if stars > maxStars {
		return t.tooManyStars
	}
	if literals == 0 && !allowAny {
		return t.wildcardOnly
	}
	return nil
}

func (t *errorTexts) checkPrefix(p []byte, allowAny bool) *Error {
	if len(p) > maxPattern {
		return t.tooLong
	}
	if len(p) == 0 && !allowAny {
		return t.wildcardOnly
	}
	return nil
}

func globSpecial(c byte) bool { return c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' }

// prefixPatternLen is the length of what appendPrefixPattern appends.
func prefixPatternLen(prefix []byte) int {
	n := len(prefix) + 1
	for _, c := range prefix {
		if globSpecial(c) {
			n++
		}
	}
	return n
}

// appendPrefixPattern appends the pattern that matches exactly the names that begin with prefix.
func appendPrefixPattern(dst, prefix []byte) []byte {
	for _, c := range prefix {
		if globSpecial(c) {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '*')
}
