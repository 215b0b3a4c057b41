package vet

import (
	"fmt"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// maxWork bounds the work, counted in values looked at: it is five times what the largest script of ours needs, and takes a
// second or two.
const maxWork = 5_000_000

// analysis follows the paths of a script. It keeps a set of states, one for each thing that may be so, and moves them through the
// statements; a test splits them. Expressions hand on each state in which they may end (k), with their value there.
type analysis struct {
	c       *checker
	n       *names
	work    int               // done: see maxWork
	ids     map[any]int       // numbers for names of tables, loops and calls
	loops   map[string]string // a loop's variable: what it stands for when the loop is over
	limits  map[string]offset // a loop's variable: what it does not exceed
	frame   *frame
	looping int // loops around what is followed
}

// frame is a function that is being followed at one of its calls; nil: the script itself.
type frame struct {
	returned []returned
}

type returned struct {
	st   *state
	list []value
}

// tooMuch ends an analysis that exceeds its bound.
type tooMuch struct{}

// follow also turns a fault of its own into a refusal: whatever a text makes it do, the text is not accepted.
func (c *checker) follow(chunk []ast.Stmt, n *names) {
	a := &analysis{c: c, n: n, ids: map[any]int{}, loops: map[string]string{}, limits: map[string]offset{}}
	defer func() {
		switch e := recover(); e.(type) {
		case nil:
		case tooMuch:
			c.reportAt(position{1, 1}, ruleUnprovable, "it has too many paths to follow")
		default:
			c.reportAt(position{1, 1}, ruleUnprovable, "the vetter failed on it: %v", e)
		}
	}()
	for _, st := range a.block([]*state{newState(&a.work)}, chunk).next {
		a.finish(st, nil, nil)
	}
}

func (a *analysis) step() {
	if a.work++; a.work > maxWork {
		panic(tooMuch{})
	}
}

// name makes a stable name for what a node stands for: ⟨i7⟩.
func (a *analysis) name(prefix string, node any) string {
	return fmt.Sprintf("⟨%s%d⟩", prefix, a.id(node))
}

func (a *analysis) id(node any) int {
	if a.ids[node] == 0 {
		a.ids[node] = len(a.ids) + 1
	}
	return a.ids[node]
}

func tableName(id int) string { return fmt.Sprintf("⟨T%d⟩", id) }

// outcome is where states are after statements.
type outcome struct {
	next  []*state // at their end
	broke []*state // at the end of the loop around them
}

func (a *analysis) block(in []*state, list []ast.Stmt) outcome {
	out := a.run(in, list)
	a.drop(out.next, list)
	a.drop(out.broke, list)
	return outcome{merge(out.next), merge(out.broke)}
}

func (a *analysis) run(in []*state, list []ast.Stmt) outcome {
	out := outcome{next: in}
	for _, s := range list {
		var next []*state
		now := merge(out.next)
		if isLoop(s) && len(now) > fewStates {
			if now = squeezeBy(now, (*state).shape); len(now) > fewStates {
				now = squeeze(now)
			}
		}
		for _, st := range now {
			a.step()
			if a.frame == nil {
				st.sweep()
			}
			o := a.stmt(st, s)
			next = append(next, o.next...)
			out.broke = append(out.broke, o.broke...)
		}
		out.next = next
	}
	return out
}

// fewStates is how many a loop is followed for on their own.
const fewStates = 4

func isLoop(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.NumberForStmt, *ast.GenericForStmt, *ast.RepeatStmt:
		return true
	}
	return false
}

// drop ends the locals of a block: what only they keep apart is the same again.
func (a *analysis) drop(in []*state, list []ast.Stmt) {
	for _, s := range list {
		for _, v := range a.n.decl[s] {
			for _, st := range in {
				delete(st.vars, v)
			}
		}
	}
}

func (a *analysis) stmt(st *state, s ast.Stmt) outcome {
	var out outcome
	end := func(st *state) { out.next = append(out.next, st) }
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		if _, is := isFunction(s); is {
			end(st)
			break
		}
		a.list(st, s.Exprs, len(s.Names), func(st *state, list []value) {
			a.set(st, s, a.n.decl[s], list)
			end(st)
		})
	case *ast.AssignStmt:
		a.list(st, s.Rhs, len(s.Lhs), func(st *state, list []value) { a.assign(st, s, 0, list, end) })
	case *ast.FuncCallStmt:
		a.eval(st, s.Expr, func(st *state, _ value) { end(st) })
	case *ast.DoBlockStmt:
		return a.block([]*state{st}, s.Stmts)
	case *ast.IfStmt:
		return a.ifStmt(st, s)
	case *ast.ReturnStmt:
		a.list(st, s.Exprs, -1, func(st *state, list []value) { a.ret(st, s, list) })
	case *ast.BreakStmt:
		out.broke = append(out.broke, st)
	case *ast.NumberForStmt:
		return a.forNumber(st, s)
	case *ast.GenericForStmt:
		return a.forEach(st, s)
	case *ast.RepeatStmt:
		return a.repeat(st, s)
	case *ast.WhileStmt: // refused already; what follows it is looked at as if it ran once or not
		o := a.block([]*state{st.clone()}, s.Stmts)
		out.next = append(append(o.next, o.broke...), st)
	default:
		end(st)
	}
	return out
}

func (a *analysis) ifStmt(st *state, s *ast.IfStmt) outcome {
	var then, other []*state
	a.truth(st, s.Condition, func(st *state, _ value, is bool) {
		if is {
			then = append(then, st)
		} else {
			other = append(other, st)
		}
	})
	out := a.block(then, s.Then)
	o := a.block(other, s.Else)
	return outcome{merge(append(out.next, o.next...)), append(out.broke, o.broke...)}
}

// longName bounds the names that expressions make.
const longName = 200

// set gives variables their values. Values without a name of their own get the variable's, so that two tests of it are one.
func (a *analysis) set(st *state, node any, vars []*variable, list []value) {
	list = slices.Clone(list)
	for i, v := range vars {
		if list[i].canon != "" && len(list[i].canon) < longName {
			continue
		}
		name := a.name("v", [2]any{v, node})
		st.forget(name)
		for j := range list {
			list[j] = list[j].forget(name)
		}
		list[i].canon = name
	}
	for i, v := range vars {
		st.vars[v] = list[i]
	}
}

// assign evaluates the targets of an assignment from the left, and assigns.
func (a *analysis) assign(st *state, s *ast.AssignStmt, i int, list []value, end func(*state)) {
	if i == len(s.Lhs) {
		end(st)
		return
	}
	switch to := s.Lhs[i].(type) {
	case *ast.IdentExpr:
		if v := a.n.use[to]; v != nil {
			a.set(st, [2]any{s, i}, []*variable{v}, list[i:i+1])
		}
		a.assign(st, s, i+1, list, end)
	case *ast.AttrGetExpr:
		if name := globalName(a.n, to.Object); name != "" { // refused already
			a.assign(st, s, i+1, list, end)
			return
		}
		if len(s.Lhs) > 1 { // what one assignment changes, the next must not go by
			list = slices.Clone(list)
			for j := range list {
				list[j] = list[j].forget("")
			}
		}
		a.eval(st, to.Object, func(st *state, object value) {
			a.eval(st, to.Key, func(st *state, key value) {
				a.setElement(st, to, object, key, list[i])
				a.assign(st, s, i+1, list, end)
			})
		})
	}
}

// ret leaves the function that is followed, or the script.
func (a *analysis) ret(st *state, s *ast.ReturnStmt, list []value) {
	if a.frame != nil {
		a.frame.returned = append(a.frame.returned, returned{st, list})
		return
	}
	a.finish(st, s, list)
}

// finish judges what the script answers.
func (a *analysis) finish(st *state, s *ast.ReturnStmt, list []value) {
	v := nilValue
	if len(list) > 0 {
		v = list[0]
	}
	if st.failed != nil && !v.is(kErr) {
		a.c.report(st.failed, ruleHiddenFailure, "if this call fails, the script can end without returning the error")
	}
	if st.written != nil && v.has(kErr) {
		a.c.report(s, ruleLateFailure, "an error is returned after the write in %s", a.c.lineOf(st.written))
	}
	a.forged(st, s, v, 0)
}

// forged looks for tables whose elements are named by data: an element named err or ok makes a reply of its own.
func (a *analysis) forged(st *state, s *ast.ReturnStmt, v value, depth int) {
	a.step()
	if !v.has(kTab) || v.tab == 0 || depth > 8 {
		if v.has(kTab) && v.tab == 0 && !v.is(kAny) || depth > 8 {
			a.c.report(s, ruleUnprovable, "a table is returned that can't be followed")
		}
		return
	}
	t := st.heap[v.tab]
	if t.dataKey {
		a.c.report(s, ruleErrorText, "a table is returned whose elements are named by data: one may be named err")
	}
	a.forged(st, s, t.rest, depth+1)
	for _, f := range t.fields {
		a.forged(st, s, f, depth+1)
	}
}
