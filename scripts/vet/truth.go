package vet

import (
	"math"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// truth evaluates a condition. k is called for each truth that it may have, with what that shows noted in the state.
func (a *analysis) truth(st *state, e ast.Expr, k func(*state, value, bool)) {
	a.step()
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		a.truth(st, e.Lhs, func(st *state, v value, is bool) {
			if is == (e.Operator == "and") {
				a.truth(st, e.Rhs, k)
			} else {
				k(st, v, is)
			}
		})
	case *ast.UnaryNotOpExpr:
		a.truth(st, e.Expr, func(st *state, _ value, is bool) { k(st, boolean(!is), !is) })
	case *ast.RelationalOpExpr:
		a.pair(st, e.Lhs, e.Rhs, func(st *state, l, r value) {
			a.split(st, a.relation(st, e, l, r), func(st *state, _ value, is bool) {
				if a.related(st, e, l, r, is) {
					k(st, boolean(is), is)
				}
			})
		})
	default:
		a.eval(st, e, func(st *state, v value) {
			a.split(st, v, func(st *state, v value, is bool) {
				a.refine(st, e, v)
				if call, ok := e.(*ast.FuncCallExpr); ok && is {
					a.matched(st, call)
				}
				k(st, v, is)
			})
		})
	}
}

func boolean(is bool) value {
	if is {
		return trueValue
	}
	return falseValue
}

func negation(st *state, v value) value {
	if is, known := st.decided(v); known {
		return boolean(!is)
	}
	n := value{kinds: kBool}
	if v.canon != "" {
		n.canon = "!" + v.canon
	}
	return n
}

// decided says whether the value is true, where that is known.
func (st *state) decided(v value) (is, known bool) {
	if !v.has(kFalsy) {
		return true, true
	}
	if !v.has(^kFalsy) {
		return false, true
	}
	name, not := v.canon, false
	for strings.HasPrefix(name, "!") {
		name, not = name[1:], !not
	}
	if is, known := st.facts[name]; known && name != "" {
		return is != not, true
	}
	return false, false
}

// assume notes that a value is true or not.
func (st *state) assume(v value, is bool) {
	name := v.canon
	for strings.HasPrefix(name, "!") {
		name, is = name[1:], !is
	}
	if name != "" {
		st.facts[name] = is
	}
}

// split goes on with each truth that a value may have.
func (a *analysis) split(st *state, v value, k func(*state, value, bool)) {
	is, known := st.decided(v)
	if !known || !is {
		no := st
		if !known {
			no = st.clone()
		}
		if !known {
			no.assume(v, false)
		}
		if v.find != "" {
			a.unfound(no, v.find)
		}
		k(no, v.only(kFalsy), false)
	}
	if !known || is {
		if !known {
			st.assume(v, true)
		}
		if v.find != "" {
			a.found(st, v.find)
		}
		if v.right != "" {
			for right := range strings.SplitSeq(v.right, "\n") {
				st.know[right] = 0
			}
		}
		k(st, v.only(^kFalsy), true)
	}
}

// relation compares two values.
func (a *analysis) relation(st *state, e *ast.RelationalOpExpr, l, r value) value {
	switch e.Operator {
	case "==", "~=":
		v := equality(l, r)
		if e.Operator == "~=" {
			return negation(st, v)
		}
		return v
	}
	a.must(st, e, l.is(kNum) && r.is(kNum) || l.is(kStr) && r.is(kStr), "what is compared may be neither two numbers nor two texts")
	if e.Operator == ">" || e.Operator == ">=" {
		l, r = r, l
	}
	strict := e.Operator == "<" || e.Operator == ">"
	if l.is(kNum) && r.is(kNum) && !l.num.nan && !r.num.nan {
		switch {
		case l.num.hi < r.num.lo || !strict && l.num.hi == r.num.lo:
			return trueValue
		case l.num.lo > r.num.hi || strict && l.num.lo == r.num.hi:
			return falseValue
		}
	}
	op := "<="
	if strict {
		op = "<"
	}
	return value{kinds: kBool, canon: operation(l, op, r)}
}

func equality(l, r value) value {
	common := l.kinds & r.kinds
	switch {
	case common == 0:
		return falseValue
	case l.kinds == r.kinds && l.is(kNil) || l.kinds == r.kinds && l.is(kTrue) || l.kinds == r.kinds && l.is(kFalse):
		return trueValue
	case l.is(kStr) && r.is(kStr) && l.lits != nil && r.lits != nil:
		if len(l.lits) == 1 && len(r.lits) == 1 {
			return boolean(l.lits[0] == r.lits[0])
		}
		if !overlap(l.lits, r.lits) {
			return falseValue
		}
	case l.is(kNum) && r.is(kNum):
		if l.num.hi < r.num.lo || l.num.lo > r.num.hi {
			return falseValue
		}
		if l.constant() && r.constant() {
			return trueValue
		}
	}
	if l.canon != "" && l.canon == r.canon && l.is(kStr|kTab) {
		return trueValue
	}
	if l.canon > r.canon {
		l, r = r, l
	}
	if r.is(kStr) && len(r.lits) == 1 || l.is(kStr) && len(l.lits) != 1 {
		return value{kinds: kBool, canon: operation(l, "==", r)}
	}
	return value{kinds: kBool, canon: operation(r, "==", l)}
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// related notes what a comparison's outcome shows of its operands; false: it can't be so.
func (a *analysis) related(st *state, e *ast.RelationalOpExpr, l, r value, is bool) bool {
	op := e.Operator
	if op == "~=" {
		op, is = "==", !is
	}
	if op == "==" {
		l, r = equal(l, r, is), equal(r, l, is)
	} else {
		l, r = ordered(op, l, r, is)
	}
	if l.kinds == 0 || r.kinds == 0 {
		return false
	}
	if l.is(kNum) && l.num.lo > l.num.hi || r.is(kNum) && r.num.lo > r.num.hi {
		return false
	}
	a.refine(st, e.Lhs, l)
	a.refine(st, e.Rhs, r)
	return true
}

// equal is v where it is known whether it equals o.
func equal(v, o value, is bool) value {
	if is {
		v = v.only(o.kinds)
		if v.is(kStr) && o.lits != nil {
			v.lits, v.data, v.blank = o.lits, false, false
			v.whole, v.float = v.whole || o.whole, v.float || o.float
			if o.whole {
				v.num = o.num
			}
		}
		if v.is(kNum) && o.is(kNum) {
			v.num = interval{max(v.num.lo, o.num.lo), min(v.num.hi, o.num.hi), v.num.whole || o.num.whole, false}
		}
		return v
	}
	switch {
	case o.is(kNil) || o.is(kTrue) || o.is(kFalse):
		v = v.only(^o.kinds)
	case len(o.lits) == 1 && o.is(kStr):
		if v.lits != nil {
			var rest []string
			for _, s := range v.lits {
				if s != o.lits[0] {
					rest = append(rest, s)
				}
			}
			if v.lits = rest; rest == nil {
				v = v.only(^kStr)
			}
		}
		v.blank = v.blank && o.lits[0] != ""
	case o.constant() && math.IsInf(o.num.lo, 1):
		v.num.hi = min(v.num.hi, math.MaxFloat64)
	case o.constant() && math.IsInf(o.num.lo, -1):
		v.num.lo = max(v.num.lo, -math.MaxFloat64)
	case o.constant() && v.has(kNum) && v.num.whole:
		if v.num.lo == o.num.lo {
			v.num.lo++
		}
		if v.num.hi == o.num.lo {
			v.num.hi--
		}
	}
	return v
}

// ordered is both sides of a comparison whose outcome is known. A false one may be so because a side is no number.
func ordered(op string, l, r value, is bool) (value, value) {
	if op == ">" || op == ">=" {
		r, l = ordered(map[string]string{">": "<", ">=": "<="}[op], r, l, is)
		return l, r
	}
	if !l.is(kNum) || !r.is(kNum) {
		return l, r
	}
	strict := op == "<"
	low, high := &l, &r
	if !is {
		low, high, strict = &r, &l, !strict
	} else {
		l.num.nan, r.num.nan = false, false
	}
	step := 0.0
	if strict && l.num.whole && r.num.whole {
		step = 1
	}
	low.num.hi, high.num.lo = min(low.num.hi, high.num.hi-step), max(high.num.lo, low.num.lo+step)
	return l, r
}

// refine notes a value that an expression is now known to have.
func (a *analysis) refine(st *state, e ast.Expr, v value) {
	a.shown(st, v)
	switch e := e.(type) {
	case *ast.IdentExpr:
		if id := a.n.use[e]; id != nil {
			if _, ok := st.vars[id]; ok {
				st.vars[id] = v
			}
		}
	case *ast.AttrGetExpr:
		a.refineField(st, e, v)
	}
	if v.count && v.is(kNum) {
		if t, ok := st.heap[v.tab]; ok {
			t.lo, t.hi = max(t.lo, v.num.lo), min(t.hi, v.num.hi)
			st.heap[v.tab] = t
		}
	}
}

// refineField keeps what is known of t.name and t[1], t being a local.
func (a *analysis) refineField(st *state, e *ast.AttrGetExpr, v value) {
	id, ok := e.Object.(*ast.IdentExpr)
	if !ok || a.n.use[id] == nil {
		return
	}
	object := st.vars[a.n.use[id]]
	name := ""
	switch key := e.Key.(type) {
	case *ast.StringExpr:
		name = key.Value
	case *ast.NumberExpr:
		name = elementName(number(numeral(key.Value)))
	}
	t, ok := st.heap[object.tab]
	if !ok || name == "" || !object.is(kTab|kStatus) {
		return
	}
	fields := map[string]value{}
	for k, f := range t.fields {
		fields[k] = f
	}
	fields[name] = v
	t.fields = fields
	st.heap[object.tab] = t
}

// shown draws the conclusions about the data from what a value that was read is known to be.
func (a *analysis) shown(st *state, v value) {
	kind, what, _ := strings.Cut(v.src, " ")
	switch {
	case v.src == "":
	case kind == "lower" && v.is(kStr) && v.lits != nil && v.float:
		st.know["float "+what] = 0
	case v.is(kNum) && !v.num.nan && !math.IsInf(v.num.lo, 0) && !math.IsInf(v.num.hi, 0) && st.knows("decimal "+v.src):
		st.know["float "+v.src] = 0
	case kind == "TYPE" && v.is(kStr) && len(v.lits) == 1:
		if f, ok := families[v.lits[0]]; ok && f != famAny {
			st.know["type "+what] = f
		}
	case kind == "EXISTS" && v.is(kNum) && v.num.hi == 0:
		st.know["type "+what] = famMissing
	case kind == "GET" && v.is(kFalse):
		st.know["type "+what] = famMissing
	case a.isDeclared(v.src):
	case kind == "HGET" && v.is(kFalse), v.is(kNum) && v.num.safe(), v.is(kStr) && v.whole && !v.blank && v.num.safe():
		st.know["intact "+v.src] = 0
	}
}
