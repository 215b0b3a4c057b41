package vet

import (
	"fmt"
	"math"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// walk is a loop that is being followed.
type walk struct {
	name   string // of its variable: facts with it are about one iteration
	all    string // what they become when each iteration has shown them; "": nothing
	chunk  [2]string
	least  float64 // iterations
	most   float64
	once   bool   // it runs once at most
	second string // if that is false, it runs once at most; "": not known
	begin  func(*state)
	body   func(*state) outcome
	rounds int
}

// maxRounds bounds how often a loop is followed until nothing new is found.
const maxRounds = 25

func (a *analysis) forNumber(st *state, s *ast.NumberForStmt) outcome {
	exprs := []ast.Expr{s.Init, s.Limit}
	if s.Step != nil {
		exprs = append(exprs, s.Step)
	}
	var out outcome
	a.list(st, exprs, -1, func(st *state, list []value) {
		step := number(exactly(1))
		if s.Step != nil {
			step = at(list, 2)
		}
		o := a.count(st, s, at(list, 0), at(list, 1), step)
		out.next, out.broke = append(out.next, o.next...), append(out.broke, o.broke...)
	})
	return out
}

// count follows "for i = from, to, step".
func (a *analysis) count(st *state, s *ast.NumberForStmt, from, to, step value) outcome {
	a.must(st, s, from.is(kNum) && to.is(kNum) && step.is(kNum), "a loop's bound may be no number")
	w := &walk{name: a.name("i", s)}
	up := step.constant() && step.num.lo > 0
	i := interval{from.num.lo, to.num.hi, from.num.whole && step.num.whole, false}
	span, short := to.num.hi-from.num.lo, to.num.lo-from.num.hi
	if step.constant() && step.num.lo < 0 {
		i.lo, i.hi = to.num.lo, from.num.hi
		span, short = from.num.hi-to.num.lo, from.num.lo-to.num.hi
	}
	width := math.Abs(step.num.lo)
	w.most, w.least = math.Floor(span/width)+1, max(math.Floor(short/width)+1, 0)
	if !step.constant() || width == 0 || !to.has(kNum) || !from.has(kNum) || math.IsNaN(w.most) || w.most > manyElements {
		a.c.report(s, ruleLoopBound, "how often the loop runs is not bounded, or by more than %d", manyElements)
		w.most = math.Inf(1)
	}
	if to.num.nan || from.num.nan || math.IsNaN(w.least) {
		w.least = 0
	}
	v := value{kinds: kNum, num: i, canon: w.name}
	if up {
		v.among = to.among
		a.limits[w.name] = to.named()
	}
	if from.canon != "" && to.canon != "" && step.canon != "" {
		w.all = fmt.Sprintf("⟦%s,%s,%s⟧", from.canon, to.canon, step.canon)
		if from.canon == "1" && strings.HasPrefix(to.canon, "#") {
			w.chunk = [2]string{to.canon[1:] + "[" + w.name + "+" + step.canon + "]", to.canon[1:] + "[*]"}
		}
		if more := "(" + step.canon + "<" + to.canon + ")"; from.canon == "1" && up {
			is, known := st.facts[more]
			w.once = known && !is
			w.second = more
		}
	}
	if w.most <= 0 && !to.num.nan { // it never runs
		if w.second != "" {
			st.facts[w.second] = false
		}
		return outcome{next: []*state{st}}
	}
	w.begin = func(st *state) { st.vars[a.n.decl[s][0]] = v }
	w.body = func(st *state) outcome { return a.block([]*state{st}, s.Stmts) }
	return a.loop(st, w, s)
}

// forEach follows "for k, v in ipairs(t)", pairs and string.gmatch.
func (a *analysis) forEach(st *state, s *ast.GenericForStmt) outcome {
	call, ok := s.Exprs[0].(*ast.FuncCallExpr)
	name := ""
	if ok && len(s.Exprs) == 1 && call.Func != nil {
		name = globalName(a.n, call.Func)
	}
	if name != "ipairs" && name != "pairs" && name != "string.gmatch" {
		a.c.report(s, ruleUnprovable, "a for over something else than ipairs, pairs or string.gmatch")
		return outcome{next: []*state{st}}
	}
	var out outcome
	a.list(st, call.Args, -1, func(st *state, args []value) {
		o := a.each(st, s, name, at(args, 0), args)
		out.next, out.broke = append(out.next, o.next...), append(out.broke, o.broke...)
	})
	return out
}

func (a *analysis) each(st *state, s *ast.GenericForStmt, name string, over value, args []value) outcome {
	w := &walk{name: a.name("i", s), most: manyElements}
	index, element, of := number(interval{1, manyElements, true, false}), text(true), ""
	switch {
	case name == "string.gmatch":
		a.gmatch(st, s, args)
		index, element = text(true), text(true)
		element.kinds |= kNil
	case over.canon == "KEYS" || over.canon == "ARGV":
		of = over.canon
		element.key = of == "KEYS"
	case over.tab != 0:
		of = tableName(over.tab)
		t := st.heap[over.tab]
		w.least, w.most = t.lo, t.hi
		element = a.read(st, over, number(anyNumber), "").only(^kNil)
		if name == "pairs" {
			element = a.read(st, over, unknown(), "").only(^kNil)
			index = unknown().only(kNum | kStr)
			index.data = t.dataKey || t.reply
		}
	default:
		a.must(st, s, false, "what is walked may be no table")
		a.c.report(s, ruleUnprovable, "the table that is walked can't be followed")
		element = unknown()
	}
	if w.most > manyElements {
		a.c.report(s, ruleLoopBound, "the loop runs over a reply without a bound")
	}
	if t := st.heap[over.tab]; of != "" && !t.rest.has(kNil) && t.known() { // ipairs would end at a nil
		w.all = "⟦1,#" + of + ",1⟧"
	}
	stable := "stable " + w.name + of
	index.among, index.canon = &offset{of, 0}, w.name
	element.canon, element.keyID = "", ""
	if of != "" {
		element.canon = of + "[" + w.name + "]"
		if element.key {
			element.keyID = element.canon
		}
	}
	w.begin = func(st *state) {
		st.facts[stable] = true
		for i, v := range a.n.decl[s] {
			st.vars[v] = at([]value{index, element}, i)
		}
	}
	w.body = func(st *state) outcome {
		o := a.block([]*state{st}, s.Stmts)
		for _, st := range o.next {
			if !st.facts[stable] && of != "" {
				a.c.report(s, ruleLoopBound, "the table is changed while the loop walks it")
			}
		}
		return o
	}
	return a.loop(st, w, s)
}

// gmatch is bounded by the text it walks: an argument's length is the client's own, a value's is not.
func (a *analysis) gmatch(st *state, s *ast.GenericForStmt, args []value) {
	a.must(st, s, false, "a text is walked")
	if p := at(args, 1); !p.is(kStr) || p.lits == nil {
		a.c.report(s, rulePattern, "the pattern of string.gmatch is not a literal")
	}
	if v := at(args, 0); v.lits == nil && !strings.HasPrefix(v.canon, "ARGV[") {
		a.c.report(s, ruleLoopBound, "the loop runs over a text whose length is not bounded")
	}
}

// repeat is for SCAN: it ends since the server's cursor does.
func (a *analysis) repeat(st *state, s *ast.RepeatStmt) outcome {
	w := &walk{name: a.name("i", s), most: math.Inf(1), least: 1}
	cursor := a.scanned(s)
	if cursor == nil && a.c.script.Keyspace {
		a.c.report(s, ruleLoopBound, "a repeat must be a SCAN, until cursor == '0'")
	}
	w.begin = func(st *state) {
		if v, ok := st.vars[cursor]; ok {
			v.canon = w.name + "cursor"
			st.vars[cursor] = v
		}
	}
	var ended []*state
	w.body = func(st *state) outcome {
		o := a.run([]*state{st}, s.Stmts)
		out := outcome{broke: o.broke}
		for _, st := range o.next {
			if cursor != nil && st.vars[cursor].next != w.name+"cursor" {
				a.c.report(s, ruleLoopBound, "the cursor is not the one that SCAN gave for the last one")
			}
			a.truth(st, s.Condition, func(st *state, _ value, is bool) {
				if is {
					ended = append(ended, st)
				} else {
					out.next = append(out.next, st)
				}
			})
		}
		a.drop(out.next, s.Stmts)
		a.drop(out.broke, s.Stmts)
		return outcome{merge(out.next), out.broke}
	}
	out := a.loop(st, w, s)
	a.drop(ended, s.Stmts)
	for _, st := range ended {
		a.leave(st, w, false)
	}
	return outcome{next: merge(append(out.broke, ended...))}
}

// scanned is the variable of "until cursor == '0'".
func (a *analysis) scanned(s *ast.RepeatStmt) *variable {
	e, ok := s.Condition.(*ast.RelationalOpExpr)
	if !ok || e.Operator != "==" {
		return nil
	}
	id, ok := e.Lhs.(*ast.IdentExpr)
	end, isText := e.Rhs.(*ast.StringExpr)
	if !ok || !isText || end.Value != "0" {
		return nil
	}
	return a.n.use[id]
}
