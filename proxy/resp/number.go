package resp

import "math"

// maxDigits is the longest decimal that can be an int64, its sign included.
const maxDigits = 20

// parseInt reads b as Redis's string2ll does: no '+', no leading zeros, no "-0",
// no blanks, nothing outside an int64. Leniency here would let a length mean one
// thing to us and another to the server behind.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 1 && b[0] == '0' {
		return 0, true
	}
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) >= maxDigits || b[0] < '1' || b[0] > '9' {
		return 0, false
	}
	var v uint64 // at most 19 digits: cannot wrap
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	if neg {
		if v > math.MaxInt64+1 {
			return 0, false
		}
		return int64(-v), true
	}
	if v > math.MaxInt64 {
		return 0, false
	}
	return int64(v), true
}

// isInt tells whether b is a sign, if any, and digits, as a RESP integer is.
func isInt(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}
