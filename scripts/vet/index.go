package vet

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// manyElements is more than any table has that a script fills in bounded loops, and than a command has arguments.
const manyElements = 1 << 20

// index is t.name and t[key].
func (a *analysis) index(st *state, e *ast.AttrGetExpr, k func(*state, value)) {
	switch globalName(a.n, e) {
	case "redis.acl_check_cmd":
		k(st, value{kinds: kNil | kTrue, canon: "acl"})
		return
	case "math.huge":
		k(st, number(exactly(math.Inf(1))))
		return
	}
	a.pair(st, e.Object, e.Key, func(st *state, object, key value) {
		switch {
		case object.canon == "KEYS" && object.is(kTab):
			k(st, a.keyAt(st, key))
		case object.canon == "ARGV" && object.is(kTab):
			k(st, a.argAt(st, key))
		default:
			a.element(st, e, object, key, k)
		}
	})
}

func (a *analysis) keyAt(st *state, i value) value {
	if !i.is(kNum) || i.constant() && i.num.lo < 1 {
		return nilValue
	}
	v := value{kinds: kStr, data: true, key: true, num: anyNumber}
	if i.canon != "" {
		v.keyID = "KEYS[" + i.canon + "]"
		v.canon = v.keyID
	}
	if !a.there(st, v.canon, "KEYS", i) {
		v.kinds |= kNil
	}
	return v
}

// there: the element of KEYS or ARGV is not nil.
func (a *analysis) there(st *state, name, table string, i value) bool {
	if least, _ := a.given(table); i.num.whole && i.num.lo >= 1 && i.num.hi <= least && i.is(kNum) {
		return true
	}
	return a.c.script.Declared || i.within(table) || name != "" && st.knows("there "+name)
}

// given is how many KEYS or ARGV there are, at least and at most.
func (a *analysis) given(table string) (least, most float64) {
	n, m := a.c.script.MinArgs, a.c.script.MaxArgs
	if table == "KEYS" {
		n, m = a.c.script.MinKeys, a.c.script.MaxKeys
	}
	if m == 0 {
		m = manyElements
	}
	return float64(n), float64(m)
}

func (a *analysis) argAt(st *state, i value) value {
	if !i.is(kNum) || i.constant() && i.num.lo < 1 {
		return nilValue
	}
	v := text(true)
	if i.canon != "" {
		v.canon = "ARGV[" + i.canon + "]"
		v.src = v.canon
	}
	if !a.there(st, v.canon, "ARGV", i) {
		v.kinds |= kNil
	}
	if !i.constant() {
		return v
	}
	if n := int(min(i.num.lo, manyElements)); n <= len(a.c.script.Args) {
		a.declared(st, &v, a.c.script.Args[n-1])
	}
	if v.is(kStr) && st.knows("intact "+v.src) {
		v.whole, v.float, v.blank = true, true, false
	}
	v.float = v.float || st.knows("float "+v.src)
	return v
}

// again reads a variable that holds an argument anew: by now more may be known of it.
func (a *analysis) again(st *state, v value) value {
	n, ok := strings.CutPrefix(v.canon, "ARGV[")
	i, err := strconv.Atoi(strings.TrimSuffix(n, "]"))
	if !ok || err != nil || !v.is(kStr) {
		return v
	}
	now := a.argAt(st, number(exactly(float64(i)))).only(kStr)
	now.data = now.data && v.data
	if v.whole && !v.blank { // and it was matched
		return v
	}
	if v.lits != nil && (now.lits == nil || len(v.lits) < len(now.lits)) {
		now.lits = v.lits
	}
	return now
}

// declared adds what the caller checks of an argument.
func (a *analysis) declared(st *state, v *value, arg Arg) {
	switch {
	case arg.When > 0:
		a.cases(st, v, arg)
	case len(arg.Values) > 0:
		v.lits, v.data = st.possible(v.canon, arg.Values), false
	case arg.Integer:
		v.whole, v.float, v.data = true, true, false
		v.num = interval{float64(arg.Min), float64(arg.Max), true, false}
	}
}

// isDeclared: what is read there is known to be an integer anyway.
func (a *analysis) isDeclared(src string) bool {
	n, ok := strings.CutPrefix(src, "ARGV[")
	i, err := strconv.Atoi(strings.TrimSuffix(n, "]"))
	if !ok || err != nil || i > len(a.c.script.Args) {
		return false
	}
	arg := a.c.script.Args[i-1]
	return arg.Integer || len(arg.Values) > 0 || arg.When > 0
}

// cases adds what is known by what the argument before says on this path.
func (a *analysis) cases(st *state, v *value, arg Arg) {
	name := "ARGV[" + strconv.Itoa(arg.When) + "]"
	var all []string
	if arg.When <= len(a.c.script.Args) {
		all = a.c.script.Args[arg.When-1].Values
	}
	left := st.possible(name, all)
	if len(left) == 0 {
		return
	}
	n := value{}
	for _, is := range left {
		one := value{kinds: kStr, blank: true, whole: true, float: true, num: interval{whole: true}}
		if i := slices.IndexFunc(arg.Cases, func(c Case) bool { return c.Value == is }); i >= 0 {
			one = text(true)
			if c := arg.Cases[i]; c.Integer {
				one.whole, one.float, one.data = true, true, false
				one.num = interval{float64(c.Min), float64(c.Max), true, false}
			}
		}
		if n.has(kStr) && (one.blank || n.blank) && one.blank != n.blank { // what is empty bounds nothing
			if one.blank {
				one.num = n.num
			} else {
				n.num = one.num
			}
		}
		n = n.join(one)
	}
	v.whole, v.float, v.data, v.num, v.blank = n.whole, n.float, n.data, n.num, n.blank
}

// possible is which of the texts a value can be on this path.
func (s *state) possible(name string, all []string) []string {
	var left []string
	for _, t := range all {
		is, known := s.facts["("+name+"=="+strconv.Quote(t)+")"]
		if known && is {
			return []string{t}
		}
		if !known {
			left = append(left, t)
		}
	}
	return left
}

// element reads from a table or a reply, in one state for each kind of it.
func (a *analysis) element(st *state, e *ast.AttrGetExpr, object, key value, k func(*state, value)) {
	a.must(st, e, object.is(kTables), "what is indexed may be no table")
	name := elementName(key)
	if object.has(kErr) {
		t := a.narrow(st, e.Object, object, kErr)
		if name == "err" {
			v := text(true)
			v.from = object.site
			if v.from != "" {
				v.canon = v.from + ".err"
			}
			k(t, v)
		} else {
			k(t, nilValue)
		}
	}
	if object.has(kTab | kStatus) {
		t := a.narrow(st, e.Object, object, kTab|kStatus)
		k(t, a.read(t, object, key, name))
	}
	if object.has(kStr) && !object.is(kAny) {
		a.c.report(e, ruleUnprovable, "text is indexed")
	}
}

// narrow is a copy of the state in which the expression's value is of these kinds.
func (a *analysis) narrow(st *state, e ast.Expr, v value, to kinds) *state {
	t := st.clone()
	a.refine(t, e, v.only(to))
	return t
}

// elementName is the name under which an element of a known name or index is kept, else "".
func elementName(key value) string {
	switch {
	case key.is(kStr) && len(key.lits) == 1:
		return key.lits[0]
	case key.constant() && key.num.whole && key.num.lo > 0 && key.num.lo < manyElements:
		return "#" + strconv.Itoa(int(key.num.lo))
	}
	return ""
}

func (a *analysis) read(st *state, object, key value, name string) value {
	t, ok := st.heap[object.tab]
	if !ok {
		return unknown()
	}
	if name != "" {
		v := t.get(name)
		if _, own := t.fields[name]; !own && v.has(kStr) {
			v.canon = tableName(object.tab) + "[" + name + "]"
			if v.key {
				v.keyID = v.canon
			}
		}
		if n, is := strings.CutPrefix(name, "#"); is && v.has(kNil) {
			if i, _ := strconv.Atoi(n); float64(i) <= t.lo && !v.is(kNil) {
				v = v.only(^kNil)
			}
		}
		return v
	}
	v := t.rest
	for n, f := range t.fields {
		if strings.HasPrefix(n, "#") || !key.is(kNum) {
			v = v.join(f)
		}
	}
	if t.open {
		v = unknown()
	}
	inside := key.within(tableName(object.tab))
	if v.kinds == 0 || !inside {
		v = v.join(nilValue)
	}
	v.canon = ""
	if key.canon != "" {
		v.canon = tableName(object.tab) + "[" + key.canon + "]"
	}
	if v.key && v.has(kStr) {
		v.keyID = v.canon
	}
	return v
}
