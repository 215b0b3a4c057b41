package proxy

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Only powers of 1024, named so that nobody has to guess: "64MB" is refused
// rather than read as either of the two things people mean by it.
var sizeUnits = []struct {
	name string
	n    int64
}{{"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"B", 1}}

var errSize = errors.New(`want a size such as "64MiB" (B, KiB, MiB or GiB) or a number of bytes`)

// ParseSize reads "64MiB", "1 GiB", "512" or "512B" and gives bytes. Sizes are
// whole, not negative, and below 2^63.
func ParseSize(text string) (int64, error) {
	unit := int64(1)
	digits := text
	for _, u := range sizeUnits {
		if d, ok := strings.CutSuffix(text, u.name); ok {
			unit, digits = u.n, strings.TrimSuffix(d, " ")
			break
		}
	}
	// ParseUint alone takes no sign, so "+1" and "-1" fail here as they should.
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > uint64(math.MaxInt64/unit) {
		return 0, errSize
	}
	return int64(n) * unit, nil
}

// FormatSize writes n bytes in the largest unit that loses nothing, in a form
// that ParseSize reads.
func FormatSize(n int64) string {
	for _, u := range sizeUnits {
		if n >= u.n && n%u.n == 0 {
			return strconv.FormatInt(n/u.n, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
