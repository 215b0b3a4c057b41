package vet

import (
	"math"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// eval finds what an expression may be. It calls k once for each state in which that differs; the state is k's to keep.
func (a *analysis) eval(st *state, e ast.Expr, k func(*state, value)) {
	a.step()
	switch e := e.(type) {
	case *ast.NilExpr:
		k(st, nilValue)
	case *ast.TrueExpr:
		k(st, trueValue)
	case *ast.FalseExpr:
		k(st, falseValue)
	case *ast.NumberExpr:
		k(st, number(numeral(e.Value)))
	case *ast.StringExpr:
		k(st, literal(e.Value))
	case *ast.IdentExpr:
		k(st, a.ident(st, e))
	case *ast.AttrGetExpr:
		a.index(st, e, k)
	case *ast.FuncCallExpr:
		a.call(st, e, func(st *state, list []value) { k(st, at(list, 0)) })
	case *ast.TableExpr:
		a.construct(st, e, k)
	case *ast.LogicalOpExpr:
		a.truth(st, e.Lhs, func(st *state, v value, is bool) {
			if is == (e.Operator == "and") {
				a.eval(st, e.Rhs, k)
			} else {
				k(st, v)
			}
		})
	case *ast.RelationalOpExpr:
		a.pair(st, e.Lhs, e.Rhs, func(st *state, l, r value) { k(st, a.relation(st, e, l, r)) })
	case *ast.UnaryNotOpExpr:
		a.eval(st, e.Expr, func(st *state, v value) { k(st, negation(st, v)) })
	case *ast.StringConcatOpExpr:
		a.pair(st, e.Lhs, e.Rhs, func(st *state, l, r value) { k(st, a.concat(st, e, l, r)) })
	case *ast.ArithmeticOpExpr:
		a.pair(st, e.Lhs, e.Rhs, func(st *state, l, r value) { k(st, a.arithmetic(st, e, e.Operator, l, r)) })
	case *ast.UnaryMinusOpExpr:
		a.eval(st, e.Expr, func(st *state, v value) { k(st, a.arithmetic(st, e, "-", number(exactly(0)), v)) })
	case *ast.UnaryLenOpExpr:
		a.eval(st, e.Expr, func(st *state, v value) { k(st, a.length(st, e, v)) })
	default: // a function or varargs: refused already
		k(st, unknown())
	}
}

func numeral(s string) interval {
	if n, err := strconv.ParseUint(s, 0, 64); err == nil && len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		return exactly(float64(n))
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return anyNumber
	}
	return exactly(f)
}

// at is the value at an index of a list, as Lua fills it up.
func at(list []value, i int) value {
	last := len(list) - 1
	switch {
	case last >= 0 && list[last].spread != nil && i >= last:
		v := list[last].element()
		v.canon = ""
		if list[last].spread.lo <= float64(i-last) {
			v = v.join(nilValue)
		}
		return v
	case i <= last:
		return list[i]
	}
	return nilValue
}

// list evaluates expressions; the last, if it is a call, may give several values. want is how many are needed, -1: all.
func (a *analysis) list(st *state, exprs []ast.Expr, want int, k func(*state, []value)) {
	a.listFrom(st, exprs, nil, func(st *state, list []value) {
		if want >= 0 {
			full := make([]value, want)
			for i := range full {
				full[i] = at(list, i)
			}
			list = full
		}
		k(st, list)
	})
}

func (a *analysis) listFrom(st *state, exprs []ast.Expr, before []value, k func(*state, []value)) {
	if len(exprs) == 0 {
		k(st, before)
		return
	}
	add := func(was *change) func(*state, []value) {
		return func(st *state, more []value) {
			list := make([]value, 0, len(before)+len(more))
			for _, v := range before {
				list = append(list, st.since(was, v))
			}
			a.listFrom(st, exprs[1:], append(list, more...), k)
		}
	}(st.changes)
	if e, ok := exprs[0].(*ast.FuncCallExpr); ok && len(exprs) == 1 && !e.AdjustRet {
		a.call(st, e, add)
		return
	}
	a.eval(st, exprs[0], func(st *state, v value) { add(st, []value{v}) })
}

// pair evaluates two operands. If the second changed what names mean, the first has none any more.
func (a *analysis) pair(st *state, lhs, rhs ast.Expr, k func(*state, value, value)) {
	a.eval(st, lhs, func(st *state, l value) {
		was := st.changes
		a.eval(st, rhs, func(st *state, r value) { k(st, st.since(was, l), r) })
	})
}

func (a *analysis) ident(st *state, e *ast.IdentExpr) value {
	if v := a.n.use[e]; v != nil {
		if val, ok := st.vars[v]; ok {
			return a.again(st, val)
		}
	}
	if e.Value == "KEYS" || e.Value == "ARGV" {
		return value{kinds: kTab, canon: e.Value}
	}
	return unknown()
}

// must reports what would raise an error, where that would be too late.
func (a *analysis) must(st *state, node any, fine bool, format string, args ...any) {
	if !fine && st.written != nil {
		a.c.report(node, ruleLateFailure, "after the write in %s: "+format, append([]any{a.c.lineOf(st.written)}, args...)...)
	}
}

func (a *analysis) concat(st *state, e ast.Expr, l, r value) value {
	a.must(st, e, l.is(kStr|kNum) && r.is(kStr|kNum), "what is joined may be neither text nor a number")
	v := text(l.data && l.has(^kNum) || r.data && r.has(^kNum))
	v.canon = operation(l, "..", r)
	if l.is(kStr) && r.is(kStr) && l.lits != nil && r.lits != nil && len(l.lits)*len(r.lits) <= maxLits {
		for _, x := range l.lits {
			for _, y := range r.lits {
				v.lits = append(v.lits, x+y)
			}
		}
		v.data = false
	}
	if l.is(kStr) && l.whole && !l.blank && l.num.lo >= 1 && len(r.lits) == 1 && strings.Trim(r.lits[0], "0") == "" { // 12 .. '000'
		shift := math.Pow10(len(r.lits[0]))
		v.whole, v.float, v.data = true, true, false
		v.num = interval{l.num.lo * shift, l.num.hi * shift, true, false}
	}
	return v
}

// operation names a result by its operands' names.
func operation(l value, op string, r value) string {
	if l.canon == "" || r.canon == "" || len(l.canon)+len(r.canon) > longName {
		return ""
	}
	return "(" + l.canon + op + r.canon + ")"
}

func (a *analysis) arithmetic(st *state, e ast.Expr, op string, l, r value) value {
	a.must(st, e, l.is(kNum) && r.is(kNum), "arithmetic on what may be no number")
	v := number(compute(op, l.number(), r.number()))
	if v.canon == "" {
		v.canon = operation(l, op, r)
	}
	if v.wholeNumber() {
		v.parity = parity(op, l, r)
	}
	base, plus := l, r.num.lo
	if op == "+" && l.constant() && !l.count {
		base, plus = r, l.num.lo
	} else if op == "-" {
		plus = -plus
	}
	if op != "+" && op != "-" || !l.is(kNum) || !r.is(kNum) || !l.constant() && !r.constant() || op == "-" && !r.constant() {
		return v
	}
	v.most, v.cap, v.among = base.most.shift(plus), base.cap.shift(plus), base.among.shift(plus)
	switch {
	case base.lin != nil:
		v.lin = base.lin.shift(plus)
	case base.canon != "" && (!base.constant() || base.count):
		v.lin = &offset{base.canon, plus}
	}
	return v
}

// parity is that of a sum, difference or product, if both operands' are known.
func parity(op string, l, r value) int8 {
	x, y := l.oddness(), r.oddness()
	switch {
	case op == "*" && l.wholeNumber() && r.wholeNumber() && (x == even || y == even):
		return even
	case x == 0 || y == 0:
	case op == "*": // of odd ones
		return odd
	case op == "+", op == "-":
		if x == y {
			return even
		}
		return odd
	}
	return 0
}

const odd, even = 1, 2

func (v value) wholeNumber() bool { return v.is(kNum) && v.num.safe() }

func (v value) oddness() int8 {
	switch {
	case !v.wholeNumber():
		return 0
	case !v.constant():
		return v.parity
	case math.Mod(v.num.lo, 2) == 0:
		return even
	}
	return odd
}

func (v value) constant() bool { return v.is(kNum) && v.num.lo == v.num.hi && !v.num.nan }

// number is what the value is in arithmetic: text is made a number.
func (v value) number() interval {
	if v.is(kNum) || v.is(kStr) && v.whole && !v.blank {
		return v.num
	}
	return anyNumber
}

func compute(op string, l, r interval) interval {
	n := interval{whole: l.whole && r.whole, nan: l.nan || r.nan}
	switch op {
	case "+":
		n.lo, n.hi = l.lo+r.lo, l.hi+r.hi
	case "-":
		n.lo, n.hi = l.lo-r.hi, l.hi-r.lo
	case "*":
		c := []float64{l.lo * r.lo, l.lo * r.hi, l.hi * r.lo, l.hi * r.hi}
		n.lo, n.hi = math.Inf(1), math.Inf(-1)
		for _, x := range c {
			n.lo, n.hi = min(n.lo, x), max(n.hi, x)
		}
	case "/":
		if r.lo <= 0 && r.hi >= 0 {
			return anyNumber
		}
		c := []float64{l.lo / r.lo, l.lo / r.hi, l.hi / r.lo, l.hi / r.hi}
		n.lo, n.hi, n.whole = min(c[0], c[1], c[2], c[3]), max(c[0], c[1], c[2], c[3]), false
	case "%":
		if r.lo <= 0 {
			return anyNumber
		}
		n.lo, n.hi = 0, r.hi
		if n.whole {
			n.hi--
		}
	default:
		return anyNumber
	}
	endless := [2]bool{math.IsInf(l.lo, 0) || math.IsInf(l.hi, 0), math.IsInf(r.lo, 0) || math.IsInf(r.hi, 0)}
	if math.IsNaN(n.lo) || math.IsNaN(n.hi) {
		n.lo, n.hi = math.Inf(-1), math.Inf(1)
	}
	if sum := op == "+" || op == "-"; endless[0] && endless[1] || !sum && (endless[0] || endless[1]) {
		n.nan = true // infinite minus infinite, or times 0
	}
	// Beyond 2^53 sums of integers are still integers, but no longer exact: callers ask safe.
	return n
}

// length is #v.
func (a *analysis) length(st *state, e ast.Expr, v value) value {
	a.must(st, e, v.is(kStr|kTables), "the length of what may have none")
	n := number(interval{lo: 0, hi: manyElements, whole: true})
	switch {
	case v.canon == "KEYS" || v.canon == "ARGV":
		n.among = &offset{v.canon, 0}
		n.num.lo, n.num.hi = a.given(v.canon)
		n.canon = "#" + v.canon
	case v.is(kTab) && v.tab != 0:
		t := st.heap[v.tab]
		n = number(interval{lo: t.lo, hi: t.hi, whole: true})
		n.count, n.tab, n.among = true, v.tab, &offset{tableName(v.tab), 0}
		n.canon = "#" + n.among.base
		if t.grows && a.once() && t.allKeys() {
			n.leads = v.tab
		}
	case v.is(kTab|kStatus) && v.has(kTab) && v.tab != 0: // a status has none
		n.num.hi = st.heap[v.tab].hi
	case v.is(kStr):
		n.num.hi = 512 << 20
		if v.canon != "" {
			n.canon = "#" + v.canon
		}
	default:
		n.num.hi = math.Inf(1)
	}
	return n
}
