package commands

import "math"

// found is where the parser found an argument's values.
type found struct {
	alt  uint8 // 0: not given; 1: given; for a oneof the alternative's number, from 1
	at   int32 // index of the first value in args
	reps int32 // how many times: 1, or a multiple's count
}

// parse finds the arguments of a call, args[0] being the name, and checks each where it stands, from left to right, as
// Redis does. Missing positional arguments are a wrong number of arguments, which is reported as (nil, false).
func (g *grammar) parse(args [][]byte, f *[maxArgs]found, allowAny bool) (err *Error, complete bool) {
	i := 1
	for p := range g.args[:g.positional] {
		a := &g.args[p]
		if i == len(args) {
			if a.optional {
				break
			}
			return nil, false
		}
		n, err := g.take(a, args, i, &f[p], f)
		if err != nil {
			return err, true
		}
		if n < 0 {
			return nil, false
		}
		i += n
	}
	for i < len(args) {
		p := g.option(args[i])
		given := p >= 0 && f[p].alt != 0 && !g.args[p].repeats
		if g.trailing > 0 && (p < 0 || given) {
			p, given = g.trailing, false // a word that was an option's already can be no other's
		}
		if p < 0 || given {
			return g.syntax, true
		}
		before := f[p].alt
		n, err := g.take(&g.args[p], args, i, &f[p], f)
		if err != nil {
			return err, true
		}
		if n < 0 && g.trailing > 0 && p == g.trailing {
			return nil, false
		}
		if n < 0 || before != 0 && f[p].alt != before {
			return g.syntax, true
		}
		i += n
	}
	if g.trailing > 0 && f[g.trailing].alt == 0 {
		return nil, false
	}
	return g.together(args, f, allowAny), true
}

// option finds the option that the word begins, or -1.
func (g *grammar) option(word []byte) int {
	for p := g.positional; p < len(g.args); p++ {
		a := &g.args[p]
		if a.kind != kindOneof {
			if a.token != "" && tokenIs(word, a.token) {
				return p
			}
			continue
		}
		for c := range a.children {
			if tokenIs(word, a.children[c].token) {
				return p
			}
		}
	}
	return -1
}

// take reads argument a at args[i], its token included, and returns how many of args it took; -1: too few are there.
func (g *grammar) take(a *arg, args [][]byte, i int, into *found, all *[maxArgs]found) (n int, err *Error) {
	start := i
	if a.token != "" {
		i++
	}
	into.alt, into.reps = 1, 1
	if a.kind == kindOneof {
		alt := -1
		for c := range a.children {
			// A word that is a token is the token, wherever the alternative without one stands.
			if t := a.children[c].token; t != "" && tokenIs(args[i], t) {
				alt = c
				i++
				break
			} else if t == "" && alt < 0 {
				alt = c
			}
		}
		if alt < 0 {
			return 0, g.errs.syntax
		}
		into.alt = uint8(alt + 1)
		a = &a.children[alt]
	}
	into.at = int32(i)
	rest := len(args) - i
	if a.multiple {
		reps, err := g.repetitions(a, args, rest, all)
		if err != nil {
			return 0, err
		}
		into.reps = int32(reps)
	}
	if rest < a.width*int(into.reps) {
		return -1, nil
	}
	for end := i + a.width*int(into.reps); i < end; {
		n, err := g.checkOne(a, args[i:])
		if err != nil {
			return 0, err
		}
		i += n
	}
	return i - start, nil
}

// repetitions is how often a multiple argument stands in the rest of args.
func (g *grammar) repetitions(a *arg, args [][]byte, rest int, all *[maxArgs]found) (int, *Error) {
	if a.countedBy < 0 {
		return max((rest+a.width-1)/a.width, 1), nil // what is missing of the last one is a wrong number of arguments
	}
	n, ok := parseInt(args[all[a.countedBy].at])
	if !ok || n < 1 || n > int64(rest/a.width) {
		return 0, g.errs.syntax
	}
	return int(n), nil
}

// checkOne checks one value, or one of a block's rounds, at the beginning of args and returns how many it took.
func (g *grammar) checkOne(a *arg, args [][]byte) (int, *Error) {
	if a.kind == kindBlock {
		n := 0
		for c := range a.children {
			k, err := g.checkOne(&a.children[c], args[n:])
			if err != nil {
				return 0, err
			}
			n += k
		}
		return n, nil
	}
	if a.kind == kindInteger && !a.late {
		if err := g.checkInteger(a, args[0]); err != nil {
			return 0, err
		}
	}
	if a.check == checkType && !validType(args[0]) {
		return 0, g.errs.typeName(args[0])
	}
	return 1, nil
}

func (g *grammar) checkInteger(a *arg, text []byte) *Error {
	v, ok := parseInt(text)
	switch {
	case !ok && a.notInteger != nil:
		return a.notInteger
	case !ok:
		return g.errs.notInteger
	case v >= a.min && v <= a.max:
		return nil
	case a.rangeErr == nil, v > a.max && a.max == maxExact, v < a.min && a.min == -maxExact:
		return g.errs.beyondExact // a bound that was not declared
	}
	return a.rangeErr
}

// together checks what the call says as a whole: what is missing, what can't stand together, what is not supported, and
// at last policy, so that a call that is wrong anyway is told so first.
func (g *grammar) together(args [][]byte, f *[maxArgs]found, allowAny bool) *Error {
	var unsupported *Error
	for p := range g.args {
		switch a := &g.args[p]; {
		case f[p].alt == 0 && !a.optional:
			return g.errs.syntax
		case f[p].alt != 0:
			if a.unsupported != nil {
				unsupported = a.unsupported
			}
		}
	}
	for i := range g.conflicts {
		if c := &g.conflicts[i]; allChosen(c.all, f) && !anyChosen(c.none, f) {
			return c.err
		}
	}
	if unsupported != nil {
		return unsupported
	}
	for p := range g.args {
		a := &g.args[p]
		if f[p].alt == 0 {
			continue
		}
		if a.kind == kindOneof {
			a = &a.children[f[p].alt-1]
		}
		var err *Error
		switch a.check {
		case checkGlob:
			err = g.errs.checkGlob(args[f[p].at], allowAny)
		case checkPrefix:
			err = g.errs.checkPrefix(args[f[p].at], allowAny)
		case checkExpiry:
			err = g.checkExpiry(a.token, args[f[p].at])
		}
		if a.late {
			err = g.checkInteger(a, args[f[p].at])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func allChosen(l []choice, f *[maxArgs]found) bool {
	for _, c := range l {
		if f[c.arg].alt != c.alt {
			return false
		}
	}
	return true
}

func anyChosen(l []choice, f *[maxArgs]found) bool {
	for _, c := range l {
		if f[c.arg].alt == c.alt {
			return true
		}
	}
	return false
}

// tokenIs compares a word with an upper-case token.
func tokenIs(word []byte, token string) bool {
	if len(word) != len(token) {
		return false
	}
	for i, b := range word {
		if b-'a' < 26 {
			b -= 'a' - 'A'
		}
		if b != token[i] {
			return false
		}
	}
	return true
}

// parseInt takes what Redis's string2ll takes: the one way to write an int64 in decimal, so no '+', no leading zero, no
// space, no "-0".
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	digits, negative := b, b[0] == '-'
	if negative {
		digits = b[1:]
	}
	if len(digits) == 1 && digits[0] == '0' {
		return 0, !negative
	}
	if len(digits) == 0 || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		if c < '0' || c > '9' || v > math.MaxUint64/10 {
			return 0, false
		}
		next := v*10 + uint64(c-'0')
		if next < v {
			return 0, false
		}
		v = next
	}
	if negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

var builtinTypes = [...]string{"string", "list", "set", "zset", "hash", "stream"}

// builtinType returns Redis's spelling of a built-in type's name, or "".
func builtinType(name []byte) string {
	for _, t := range builtinTypes {
		if equalFold(name, t) {
			return t
		}
	}
	return ""
}

// validType takes the built-in types and what a module's type may be called: exactly nine of these characters.
func validType(name []byte) bool {
	if builtinType(name) != "" {
		return true
	}
	if len(name) != 9 {
		return false
	}
	for _, c := range name {
		if lower(c)-'a' >= 26 && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
