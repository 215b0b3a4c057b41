package vet

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// printablePattern matches only texts that may stand in a reply's line: ASCII without control characters.
const printablePattern = "^[ -~]*$"

func (a *analysis) math(st *state, e *ast.FuncCallExpr, function string, args []value) value {
	for _, v := range args {
		a.must(st, e, v.is(kNum), "math.%s of what may be no number", function)
	}
	x, y := at(args, 0), at(args, 1)
	n := x.number()
	switch function {
	case "floor", "ceil":
		n.lo, n.hi, n.whole = math.Floor(n.lo), math.Ceil(n.hi), true
	case "abs":
		n.lo, n.hi = 0, max(math.Abs(n.lo), math.Abs(n.hi))
	case "min", "max":
		return extreme(function, x, y, args)
	default:
		n = anyNumber
	}
	v := number(n)
	if v.canon == "" && x.canon != "" {
		v.canon = function + "(" + x.canon + ")"
	}
	return v
}

// extreme is min and max of two numbers; min keeps what it is at most.
func extreme(function string, x, y value, args []value) value {
	if len(args) != 2 || !x.is(kNum) || !y.is(kNum) {
		return number(anyNumber)
	}
	l, r := x.num, y.num
	n := interval{whole: l.whole && r.whole, nan: l.nan || r.nan}
	if function == "max" {
		n.lo, n.hi = max(l.lo, r.lo), max(l.hi, r.hi)
		return named(n, function, x, y)
	}
	n.lo, n.hi = min(l.lo, r.lo), min(l.hi, r.hi)
	v := named(n, function, x, y)
	if x.lin == nil && x.most == nil {
		x, y = y, x
	}
	v.most = x.lin
	if v.most == nil {
		v.most = x.most
	}
	if end := y.named(); v.most != nil && end.base != "" && x.most == nil {
		v.cap = &end
	}
	for _, o := range []value{x, y} {
		if o.among != nil {
			v.among = o.among
		}
	}
	return v
}

func named(n interval, function string, x, y value) value {
	v := number(n)
	if v.canon == "" && x.canon != "" && y.canon != "" && len(x.canon)+len(y.canon) < longName {
		v.canon = fmt.Sprintf("%s(%s,%s)", function, x.canon, y.canon)
	}
	return v
}

// wholePatterns match only integers in canonical form.
var wholePatterns = []string{"^-?[1-9][0-9]*$", "^[1-9][0-9]*$", "^-?[1-9]%d*$", "^[1-9]%d*$", "^0$", "^[0-9]$", "^%d$"}

// decimalPatterns match texts that are floats if Lua can read them.
var decimalPatterns = []string{"^[+-]?[%d.]+$", "^[+-]?[%d.]+[eE][+-]?%d+$", "^-?[%d.]+$", "^-?%d+%.?%d*$", "^-?%d+$"}

func (a *analysis) stringCall(st *state, e *ast.FuncCallExpr, function string, args []value) []value {
	subject := at(args, 0)
	if function != "char" && function != "format" {
		a.must(st, e, subject.is(kStr|kNum), "string.%s of what may be no text", function)
	}
	s := text(subject.data)
	switch function {
	case "find", "match", "gmatch", "gsub":
		return a.match(st, e, function, args)
	case "format":
		return []value{a.format(st, e, args)}
	case "rep":
		if n := at(args, 1); !n.is(kNum) || n.num.nan || n.num.hi > maxRepeat {
			a.c.report(e, rulePattern, "text is repeated as often as data says")
		}
	case "byte":
		return []value{{kinds: kNum | kNil, num: interval{0, 255, true, false}}}
	case "char":
		s.data = true // even of literals: nobody reads them as text
	case "len":
		return []value{a.length(st, e, subject)}
	case "lower":
		if subject.src != "" {
			s.src = "lower " + subject.src
		}
		if subject.canon != "" {
			s.canon = "lower(" + subject.canon + ")"
		}
	case "sub":
		a.must(st, e, len(args) > 1 && at(args, 1).is(kNum) && (len(args) < 3 || args[2].is(kNum)), "string.sub from where may be no number")
	}
	return []value{s}
}

// maxRepeat bounds string.rep.
const maxRepeat = 1 << 16

// match is the functions that take a pattern.
func (a *analysis) match(st *state, e *ast.FuncCallExpr, function string, args []value) []value {
	subject, pattern := at(args, 0), at(args, 1)
	plain := function == "find" && at(args, 3).is(kTrue)
	switch {
	case pattern.lits == nil || !pattern.is(kStr):
		a.c.report(e, rulePattern, "the pattern of string.%s is not a literal", function)
	case !plain && slices.ContainsFunc(pattern.lits, greedy):
		a.c.report(e, rulePattern, "the pattern has more than two unbounded repeats")
	}
	if len(args) > 2 && function != "gsub" {
		a.must(st, e, args[2].is(kNum), "string.%s from where may be no number", function)
	}
	switch function {
	case "gsub":
		if with := at(args, 2); with.lits == nil || !with.is(kStr) {
			a.c.report(e, rulePattern, "the replacement of string.gsub is not a literal text")
		}
		return []value{text(true), number(interval{0, 512 << 20, true, false})}
	case "gmatch":
		a.c.report(e, ruleUnprovable, "string.gmatch stands outside of a for")
		return []value{unknown()}
	case "match":
		v := text(true)
		v.kinds |= kNil
		v.whole = len(pattern.lits) == 1 && slices.Contains(wholePatterns, pattern.lits[0])
		v.src = ""
		return []value{v, unknown()}
	}
	v := value{kinds: kNil | kNum, num: interval{1, 512 << 20, true, false}, canon: operation(subject, "~", pattern)}
	if subject.from != "" && plain && len(pattern.lits) == 1 && at(args, 2).constant() && at(args, 2).num.lo == 1 {
		v.find = subject.from + " " + pattern.lits[0]
	}
	return []value{v, unknown()}
}

// greedy reports patterns whose time grows faster than with the square of the text.
func greedy(p string) bool {
	n, class := 0, false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '%':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
			if i+1 < len(p) && (p[i+1] == ']' || p[i+1] == '^') {
				i++
			}
		case i > 0 && (c == '*' || c == '+' || c == '-'):
			n++
		}
	}
	return n > 2
}

// matched notes what a find that found something shows of its text.
func (a *analysis) matched(st *state, e *ast.FuncCallExpr) {
	name := globalName(a.n, e.Func)
	if name != "string.find" && name != "string.match" || len(e.Args) != 2 {
		return
	}
	pattern, ok := e.Args[1].(*ast.StringExpr)
	whole := ok && slices.Contains(wholePatterns, pattern.Value)
	plain := ok && pattern.Value == printablePattern
	if !whole && !plain && !(ok && slices.Contains(decimalPatterns, pattern.Value)) {
		return
	}
	switch e.Args[0].(type) {
	case *ast.IdentExpr, *ast.AttrGetExpr: // to evaluate it again does nothing
	default:
		return
	}
	a.eval(st.clone(), e.Args[0], func(_ *state, v value) {
		switch {
		case v.is(kStr) && whole:
			v.whole, v.float, v.blank, v.data = true, true, false, false
			a.refine(st, e.Args[0], v)
		case v.is(kStr) && plain:
			v.data = false
			a.refine(st, e.Args[0], v)
		case v.is(kStr) && v.src != "":
			st.know["decimal "+v.src] = 0
		}
	})
}

// format knows the verbs of numbers and %s.
func (a *analysis) format(st *state, e *ast.FuncCallExpr, args []value) value {
	f := at(args, 0)
	if !f.is(kStr) || len(f.lits) != 1 {
		a.c.report(e, rulePattern, "the format is not a literal")
		return text(true)
	}
	s, n := text(false), 1
	parts := strings.Split(strings.ReplaceAll(f.lits[0], "%%", ""), "%")
	for _, p := range parts[1:] {
		verb := strings.TrimLeft(p, "-+ #0123456789.")
		v := at(args, n)
		n++
		switch {
		case verb == "":
			a.c.report(e, rulePattern, "the format is not complete")
		case strings.ContainsRune("dioxXcfgeEGu", rune(verb[0])):
			a.must(st, e, v.is(kNum), "a number is formatted that may be none")
			s.data = s.data || verb[0] == 'c'
		default:
			a.must(st, e, v.is(kStr|kNum), "text is formatted that may be none")
			s.data = s.data || v.data && v.has(^kNum)
		}
	}
	v := at(args, 1)
	switch f.lits[0] {
	case "%.0f", "%d":
		s.whole = v.is(kNum) && v.num.safe()
		s.float, s.num = s.whole, v.num
	case "%.17g":
		s.float = v.is(kNum) && !v.num.nan
	}
	if v.canon != "" {
		s.canon = "format(" + f.lits[0] + "," + v.canon + ")"
	}
	return s
}

func (a *analysis) tableCall(st *state, e *ast.FuncCallExpr, function string, args []value) []value {
	object := at(args, 0)
	a.must(st, e, object.is(kTab), "table.%s of what may be no table", function)
	t, ok := st.heap[object.tab]
	if !ok {
		a.c.report(e, ruleUnprovable, "table.%s of a table that can't be followed", function)
		return []value{unknown()}
	}
	if function == "concat" {
		joined := a.read(st, object, number(anyNumber), "").only(^kNil)
		a.must(st, e, joined.kinds == 0 || joined.is(kStr|kNum), "table.concat of what may be neither text nor numbers")
		separator := at(args, 1)
		return []value{text(joined.data && joined.has(^kNum) || separator.data)}
	}
	st.forget(tableName(object.tab))
	elements := map[string]value{}
	for k, v := range t.fields { // what moves has no known index any more
		if strings.HasPrefix(k, "#") && !(function == "insert" && len(args) == 2) {
			t.rest = t.rest.join(v.forget(""))
		} else {
			elements[k] = v
		}
	}
	t.fields = elements
	if function == "insert" {
		if len(args) == 3 {
			t.turns, t.grows = nil, false
			t.rest = t.rest.join(args[2].forget(""))
			a.overwrite(&t, number(interval{1, manyElements, true, false}), args[2])
		} else {
			t.append(at(args, 1), a.looping > 0)
		}
		st.heap[object.tab] = t
		return nil
	}
	t.grows, t.turns = false, nil
	t.lo, t.grown[0] = max(t.lo-1, 0), t.grown[0]-1
	st.heap[object.tab] = t
	return []value{t.rest.join(nilValue)}
}
