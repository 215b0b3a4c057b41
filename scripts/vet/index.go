package vet

import (
	"maps"
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
	return a.c.script.Declared || i.within(table) || name != "" && st.knows("there "+name)
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
	now := a.argAt(st, number(exactly(float64(i))))
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

// construct is {...}.
func (a *analysis) construct(st *state, e *ast.TableExpr, k func(*state, value)) {
	exprs := make([]ast.Expr, 0, 2*len(e.Fields))
	for _, f := range e.Fields {
		if f.Key != nil {
			exprs = append(exprs, f.Key)
		}
		exprs = append(exprs, f.Value)
	}
	a.list(st, exprs, -1, func(st *state, list []value) {
		t := table{fields: map[string]value{}}
		i, n := 0, 0
		for j, f := range e.Fields {
			if f.Key != nil {
				a.field(st, f.Value, &t, list[i], at(list, i+1))
				i += 2
				continue
			}
			values := list[i:min(i+1, len(list))]
			if j == len(e.Fields)-1 {
				values = list[min(i, len(list)):]
			}
			for _, v := range values {
				if v.spread != nil {
					t.rest = t.rest.join(v.element())
					t.lo, t.hi = float64(n)+v.spread.lo, float64(n)+v.spread.hi
					continue
				}
				n++
				t.fields["#"+strconv.Itoa(n)] = v
			}
			i++
		}
		t.lo, t.hi = max(t.lo, float64(n)), max(t.hi, float64(n))
		if !t.known() { // an element that may be nil makes the length uncertain
			t.lo = 0
		}
		k(st, a.fresh(st, e, t))
	})
}

// known reports whether no element may be nil.
func (t table) known() bool {
	for n, v := range t.fields {
		if strings.HasPrefix(n, "#") && v.has(kNil) {
			return false
		}
	}
	return true
}

// field puts an element under a key into a table that is being made.
func (a *analysis) field(st *state, node any, t *table, key, v value) {
	name := elementName(key)
	a.replyText(node, name, v)
	a.must(st, node, !key.has(kNil) && !(key.has(kNum) && key.num.nan), "a table's key may be nil or no number")
	if name != "" {
		t.fields[name] = v
		return
	}
	t.rest = t.rest.join(v)
	t.dataKey = t.dataKey || key.has(kStr)
}

// replyText judges what becomes the text of an error or status when a table is returned.
func (a *analysis) replyText(node any, name string, v value) {
	if (name == "err" || name == "ok") && v.data && v.has(kStr|kTables) {
		a.c.report(node, ruleErrorText, "bytes of data become the text of a reply's %s", name)
	}
}

// fresh puts a new table on the heap. A table that the same place made before may still be used: both are one from now on.
func (a *analysis) fresh(st *state, node any, t table) value {
	id := a.id([2]any{"table", node})
	st.forget(tableName(id))
	if old, ok := st.heap[id]; ok {
		used := false
		for _, v := range st.vars {
			used = used || v.tab == id
		}
		for other, o := range st.heap {
			used = used || other != id && (o.rest.tab == id || anyTable(o, id))
		}
		if used || a.frame != nil { // in a function, the caller may hold it
			t = old.join(t)
		}
	}
	st.heap[id] = t
	return value{kinds: kTab, tab: id, canon: tableName(id)}
}

func anyTable(t table, id int) bool {
	for _, f := range t.fields {
		if f.tab == id {
			return true
		}
	}
	return false
}

// setElement is t[key] = v.
func (a *analysis) setElement(st *state, e *ast.AttrGetExpr, object, key, v value) {
	a.must(st, e, object.is(kTables), "an element of what may be no table is assigned")
	t, ok := st.heap[object.tab]
	if !ok || !object.is(kTab|kStatus) {
		a.c.report(e, ruleUnprovable, "an element is assigned to a table that can't be followed")
		return
	}
	st.forget(tableName(object.tab))
	t.fields = maps.Clone(t.fields)
	if key.count && key.tab == object.tab || key.lin != nil && key.lin.base == "#"+tableName(object.tab) && key.lin.plus == 1 {
		t.append(v, a.looping > 0)
	} else {
		if name := elementName(key); name != "" {
			a.replyText(e, name, v)
		}
		a.overwrite(&t, key, v)
	}
	st.heap[object.tab] = t
}

// append is t[#t + 1] = v; in a loop it is done again and again.
func (t *table) append(v value, again bool) {
	if t.lo == t.hi && t.hi < 64 && t.rest.kinds == 0 && !again {
		t.fields["#"+strconv.Itoa(int(t.lo)+1)] = v
	} else {
		t.rest = t.rest.join(v)
	}
	t.hi = min(t.hi+1, manyElements)
	t.grown[1]++
	if !v.has(kNil) {
		t.lo++
		t.grown[0]++
	}
}

// overwrite is any other assignment: the element may be new or not, and a hole may be made.
func (a *analysis) overwrite(t *table, key, v value) {
	name := elementName(key)
	if key.has(kNum) {
		t.hi = min(t.hi+1, manyElements)
		t.grown[1]++
		if v.has(kNil) {
			t.lo, t.grown[0] = 0, math.Inf(-1)
		}
	}
	if name != "" {
		t.fields[name] = v
		return
	}
	v = v.forget("")
	for n, f := range t.fields {
		if strings.HasPrefix(n, "#") == key.is(kNum) || !key.is(kNum|kStr) {
			t.fields[n] = f.join(v)
		}
	}
	t.rest = t.rest.join(v)
	t.dataKey = t.dataKey || key.has(kStr)
}
