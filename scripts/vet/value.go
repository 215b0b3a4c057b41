package vet

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// kinds is the set of kinds that a value may be of.
type kinds uint16

const (
	kNil kinds = 1 << iota
	kFalse
	kTrue
	kNum
	kStr
	kTab
	kErr    // an error reply: a table with err
	kStatus // a status reply: a table with ok
	kAny    = 1<<iota - 1
	kBool   = kFalse | kTrue
	kFalsy  = kNil | kFalse
	kTables = kTab | kErr | kStatus
)

// maxExact is the largest integer up to which a double is exact.
const maxExact = 1<<53 - 1

// interval is what is known of a number.
type interval struct {
	lo, hi float64
	whole  bool // an integer, or infinite
	nan    bool // it may be none
}

var anyNumber = interval{lo: math.Inf(-1), hi: math.Inf(1), nan: true}

func exactly(f float64) interval { return interval{f, f, f == math.Trunc(f), false} }

func (n interval) join(o interval) interval {
	return interval{min(n.lo, o.lo), max(n.hi, o.hi), n.whole && o.whole, n.nan || o.nan}
}

// safe reports whether it is surely an integer that doubles hold exactly.
func (n interval) safe() bool { return n.whole && !n.nan && n.lo >= -maxExact && n.hi <= maxExact }

// value is what is known of a Lua value on one path. It is never changed in place.
type value struct {
	kinds  kinds
	data   bool     // as text it may hold bytes of an argument, a key or the data
	lits   []string // if it is text, one of these; nil: any
	num    interval // as a number, or, if it is whole, the number that the text writes
	whole  bool     // as text it is an integer in canonical form
	float  bool     // as text it is a float that servers take
	canon  string   // stable name of the value: two values with one name are equal; "": none
	key    bool     // a key that the script may use
	keyID  string   // which key: KEYS[1]; "": one of them
	tab    int      // of a table: which, in state.heap; 0: not known
	src    string   // what it was read from: see state.intact
	count  bool     // the number of the elements of table tab
	lin    *offset  // it is another value plus a constant
	most   *offset  // it is at most that
	cap    *offset  // it is the lesser of most and that
	among  *offset  // it is at most the number of elements of the table of that name, plus
	right  string   // if it is true, this right was shown: see state.know
	site   string   // of an error: the call that it is from
	from   string   // of text: the error that it is the text of
	find   string   // if it is false, this was not found: see state.know
	blank  bool     // as text it may be empty instead of what else is said here
	next   string   // it is the cursor after the one of this name
	leads  int      // so many elements of this table, the first ones, are keys; 0: not known
	parity int8     // of an integer: 1 odd, 2 even; 0: not known
	// spread stands for several values: the elements of a table.
	spread *spread
}

// offset is a named value plus a constant.
type offset struct {
	base string
	plus float64
}

// spread is what unpack gives.
type spread struct {
	lo, hi float64
	tab    int    // all elements of this table, which only grew; 0: not known
	turns  *turns // see table
}

// element is one of a spread.
func (v value) element() value {
	v.spread = nil
	return v
}

func literal(s string) value {
	v := value{kinds: kStr, lits: []string{s}, canon: strconv.Quote(s), num: anyNumber}
	v.whole = wholeText(s)
	if f, err := strconv.ParseFloat(s, 64); err == nil && v.whole {
		v.num = exactly(f)
	}
	v.float = floatText(s)
	return v
}

func number(n interval) value {
	v := value{kinds: kNum, num: n}
	if n.lo == n.hi && !n.nan {
		v.canon = strconv.FormatFloat(n.lo, 'g', -1, 64)
	}
	return v
}

func text(data bool) value { return value{kinds: kStr, data: data, num: anyNumber} }

// unknown is any value; it is data.
func unknown() value { return value{kinds: kAny, data: true, num: anyNumber} }

var (
	nilValue   = value{kinds: kNil, canon: "nil"}
	falseValue = value{kinds: kFalse, canon: "false"}
	trueValue  = value{kinds: kTrue, canon: "true"}
)

// wholeText: an integer as servers take it, within ±(2^53-1).
func wholeText(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == s && n >= -maxExact && n <= maxExact
}

func floatText(s string) bool {
	if s == "+inf" || s == "-inf" || s == "inf" {
		return true
	}
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && !math.IsNaN(f) && !strings.ContainsAny(s, "xXpP_nN")
}

func (v value) is(k kinds) bool  { return v.kinds != 0 && v.kinds&^k == 0 }
func (v value) has(k kinds) bool { return v.kinds&k != 0 }

// only is the value where it is known to be one of these kinds.
func (v value) only(k kinds) value {
	v.kinds &= k
	switch v.kinds {
	case kNil:
		return nilValue
	case kFalse:
		return falseValue
	}
	return v
}

// join is what is known if it is the one or the other.
func (v value) join(o value) value {
	if v.kinds == 0 {
		return o
	}
	if o.kinds == 0 {
		return v
	}
	vs, os := v.has(kStr), o.has(kStr)
	j := value{kinds: v.kinds | o.kinds, data: v.data || o.data, count: v.count && o.count && v.tab == o.tab}
	j.key = (v.key || !vs) && (o.key || !os) && (vs || os)
	vn, on := v.has(kStr|kNum), o.has(kStr|kNum)
	switch {
	case vn && on:
		j.num = v.num.join(o.num)
	case vn:
		j.num = v.num
	default:
		j.num = o.num
	}
	j.blank = v.blank || o.blank
	j.whole, j.float = (v.whole || !vs) && (o.whole || !os), (v.float || !vs) && (o.float || !os)
	j.lits = joinLits(v, o)
	j.canon, j.keyID, j.src = same(v.canon, o.canon), either(vs, v.keyID, os, o.keyID), either(vn, v.src, on, o.src)
	j.right, j.site, j.from = same(v.right, o.right), same(v.site, o.site), same(v.from, o.from)
	j.find, j.next = same(v.find, o.find), same(v.next, o.next)
	if v.leads == o.leads {
		j.leads = v.leads
	}
	if v.parity == o.parity {
		j.parity = v.parity
	}
	j.lin, j.most, j.cap, j.among = sameOffset(v.lin, o.lin), sameOffset(v.most, o.most), sameOffset(v.cap, o.cap), sameOffset(v.among, o.among)
	switch {
	case v.tab == o.tab, !o.has(kTab) && !o.count:
		j.tab = v.tab
	case !v.has(kTab) && !v.count:
		j.tab = o.tab
	}
	return j
}

const maxLits = 16

func joinLits(v, o value) []string {
	switch {
	case !v.has(kStr):
		return o.lits
	case !o.has(kStr):
		return v.lits
	case v.lits == nil || o.lits == nil:
		return nil
	}
	all := slices.Concat(v.lits, o.lits)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > maxLits {
		return nil
	}
	return all
}

func same(a, b string) string {
	if a == b {
		return a
	}
	return ""
}

// either is same, but a side that has not what the string is about leaves the other's.
func either(has bool, a string, oHas bool, b string) string {
	switch {
	case !has:
		return b
	case !oHas:
		return a
	}
	return same(a, b)
}

// within reports whether a value is surely an index of that table's elements.
func (v value) within(table string) bool {
	return v.is(kNum) && v.num.whole && v.num.lo >= 1 && v.among != nil && v.among.base == table && v.among.plus <= 0
}

// shift is an offset with more added.
func (o *offset) shift(by float64) *offset {
	if o == nil {
		return nil
	}
	return &offset{o.base, o.plus + by}
}

func sameOffset(a, b *offset) *offset {
	if a != nil && b != nil && *a == *b {
		return a
	}
	return nil
}
