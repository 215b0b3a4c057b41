package commands

import (
	"math"
	"time"
)

// expiry is the unit of an expiry option, by its token.
var expiryUnits = map[string]struct {
	unit     int64 // milliseconds
	relative bool
}{"EX": {1000, true}, "PX": {1, true}, "EXAT": {1000, false}, "PXAT": {1, false}}

// badExpiry is Redis's error for a time that can't be.
func badExpiry(name string) string { return "ERR invalid expire time in '" + name + "' command" }

// checkExpiry checks the value of EX, PX, EXAT or PXAT as Redis does: positive, and a time in milliseconds that an int64
// holds (expire.c, getExpireMillisecondsOrReply).
func (g *grammar) checkExpiry(token string, text []byte) *Error {
	v, ok := parseInt(text)
	if !ok {
		return g.errs.notInteger
	}
	u := expiryUnits[token]
	most := int64(math.MaxInt64) / u.unit
	if u.relative {
		most = (math.MaxInt64 - time.Now().UnixMilli()) / u.unit
	}
	if v <= 0 || v > most {
		return g.badExpiry
	}
	return nil
}
