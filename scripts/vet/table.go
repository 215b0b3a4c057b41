package vet

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

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
		if len(e.Fields) == 0 {
			t.grows, t.turns = a.once(), &turns{}
		}
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
	switch name {
	case "err", "ok", "big_number", "verbatim_string": // what servers send as a line, or as a kind of text
		if v.data && v.has(kStr|kTables) || lineBreak(v) {
			a.c.report(node, ruleErrorText, "bytes of data become the text of a reply's %s", name)
		} else if name == "ok" && !printable(v) {
			a.c.report(node, ruleErrorText, "a status has other characters than those of ASCII that can be printed")
		}
	}
}

// lineBreak: a literal that would end its line.
func lineBreak(v value) bool {
	return slices.ContainsFunc(v.lits, func(s string) bool { return strings.ContainsAny(s, "\r\n") })
}

// printable: a literal status is one that ONCE can give again.
func printable(v value) bool {
	return !slices.ContainsFunc(v.lits, func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	})
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
	a.must(st, e, !key.has(kNil) && !(key.has(kNum) && key.num.nan), "a table's key may be nil or no number")
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
	t.turns = nil
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

// turn notes what is put to an odd or even place.
func (t *table) turn(key, v value) {
	if t.turns == nil || key.is(kStr) {
		return
	}
	p := *t.turns
	switch key.oddness() {
	case odd:
		p.odd = p.odd.join(v.forget(""))
	case even:
		p.even = p.even.join(v.forget(""))
	default:
		t.turns = nil
		return
	}
	t.turns = &p
}

// allKeys: each element is a key.
func (t table) allKeys() bool {
	for _, v := range t.fields {
		if !v.key || !v.is(kStr) {
			return false
		}
	}
	return t.rest.kinds == 0 || t.rest.key && t.rest.is(kStr)
}

// once: what stands here runs once at most.
func (a *analysis) once() bool { return a.looping == 0 && a.frame == nil }

// overwrite is any other assignment: the element may be new or not, and a hole may be made.
func (a *analysis) overwrite(t *table, key, v value) {
	name := elementName(key)
	t.turn(key, v)
	t.grows = false
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
