package commands

import "strings"

// globMatch reports whether a pattern of Redis's kind matches all of s. A star is tried again only from the last one, so
// the time is at most the product of the lengths.
func globMatch(p, s string) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(s) {
		if i < len(p) && p[i] == '*' {
			star, from = i, j
			i++
			continue
		}
		if n := globByte(p[i:], s[j]); n > 0 {
			i += n
			j++
			continue
		}
		if star < 0 {
			return false
		}
		from++
		i, j = star+1, from
	}
	return strings.Trim(p[i:], "*") == ""
}

// globByte matches one byte against the start of p and returns how much of p that took; 0: no match.
func globByte(p string, c byte) int {
	switch {
	case p == "":
		return 0
	case p[0] == '?':
		return 1
	case p[0] == '[':
		end := classEnd([]byte(p), 0)
		if inClass(p[1:end], c) {
			return min(end+1, len(p))
		}
		return 0
	case p[0] == '\\' && len(p) > 1:
		if p[1] == c {
			return 2
		}
		return 0
	case p[0] == c:
		return 1
	}
	return 0
}

// inClass reports whether the inside of a [class] holds c.
func inClass(class string, c byte) bool {
	not := strings.HasPrefix(class, "^")
	if not {
		class = class[1:]
	}
	found := false
	for i := 0; i < len(class); i++ {
		switch {
		case class[i] == '\\' && i+1 < len(class):
			i++
			found = found || class[i] == c
		case i+2 < len(class) && class[i+1] == '-':
			lo, hi := min(class[i], class[i+2]), max(class[i], class[i+2])
			found = found || lo <= c && c <= hi
			i += 2
		default:
			found = found || class[i] == c
		}
	}
	return found != not
}
