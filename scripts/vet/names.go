package vet

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// variable is one local: a name in one scope.
type variable struct {
	name string
	fn   *ast.FunctionExpr // it is this local function, always
	in   *ast.FunctionExpr // it is declared in that function
}

// names is what each identifier of a script means.
type names struct {
	use    map[*ast.IdentExpr]*variable // those that are locals
	decl   map[any][]*variable          // of a local, a for, or a function's parameters
	calls  map[*ast.FunctionExpr][]*ast.FunctionExpr
	vetted *ast.FunctionExpr // see Script.Vetted
	follow bool              // the paths can be followed
}

// role is what a place in the tree does with a value.
type role uint8

const (
	roleValue  role = iota
	roleCallee      // it is called
	roleIndex       // it is indexed, or its length or elements are asked for
	roleTest        // only its truth matters
)

// resolver gives names their meaning and applies the rules that need no more than that.
type resolver struct {
	c     *checker
	n     *names
	scope []map[string]*variable
	fn    *ast.FunctionExpr // the innermost
}

func (c *checker) resolve(chunk []ast.Stmt) *names {
	r := &resolver{c: c, n: &names{use: map[*ast.IdentExpr]*variable{}, decl: map[any][]*variable{}, calls: map[*ast.FunctionExpr][]*ast.FunctionExpr{}, follow: true}}
	r.block(chunk)
	for fn := range r.n.calls {
		r.recursion(fn)
	}
	return r.n
}

// recursion walks the calls from fn; the graph is small, as each of its edges is a call in the text.
func (r *resolver) recursion(fn *ast.FunctionExpr) {
	seen := map[*ast.FunctionExpr]bool{}
	work := slices.Clone(r.n.calls[fn])
	for len(work) > 0 {
		next := work[len(work)-1]
		work = work[:len(work)-1]
		if next == fn {
			r.c.report(fn, ruleRecursion, "the function calls itself")
			r.n.follow = false
			return
		}
		if !seen[next] {
			seen[next] = true
			work = append(work, r.n.calls[next]...)
		}
	}
}

func (r *resolver) lookup(name string) *variable {
	for _, s := range slices.Backward(r.scope) {
		if v := s[name]; v != nil {
			return v
		}
	}
	return nil
}

func (r *resolver) declare(node any, list ...string) {
	for _, name := range list {
		if reserved(name) {
			r.c.report(node, ruleAlias, "a local named %s hides what everybody knows by that name", name)
		} else if v := r.lookup(name); v != nil && v.fn != nil {
			r.c.report(node, ruleAlias, "a second %s hides the function of that name", name)
		}
		v := &variable{name: name, in: r.fn}
		r.scope[len(r.scope)-1][name] = v
		r.n.decl[node] = append(r.n.decl[node], v)
	}
}

func (r *resolver) block(list []ast.Stmt) {
	r.scope = append(r.scope, map[string]*variable{})
	for _, s := range list {
		r.stmt(s)
	}
	r.scope = r.scope[:len(r.scope)-1]
}

func (r *resolver) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		r.exprs(s.Rhs)
		for _, e := range s.Lhs {
			r.target(e)
		}
	case *ast.LocalAssignStmt:
		r.local(s)
	case *ast.FuncCallStmt:
		r.expr(s.Expr, roleValue)
	case *ast.DoBlockStmt:
		r.block(s.Stmts)
	case *ast.IfStmt:
		r.expr(s.Condition, roleTest)
		r.block(s.Then)
		r.block(s.Else)
	case *ast.ReturnStmt:
		r.exprs(s.Exprs)
	case *ast.FuncDefStmt:
		r.funcDef(s)
	case *ast.GotoStmt, *ast.LabelStmt:
		r.c.report(s, ruleSyntax, "Lua 5.1 has no goto and no labels")
		r.n.follow = false
	case *ast.BreakStmt:
	default:
		r.loop(s)
	}
}

func (r *resolver) loop(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.WhileStmt:
		r.c.report(s, ruleLoopBound, "nothing bounds a while loop")
		r.expr(s.Condition, roleTest)
		r.block(s.Stmts)
	case *ast.RepeatStmt:
		if !r.c.script.Keyspace {
			r.c.report(s, ruleLoopBound, "nothing bounds a repeat loop; only a SCAN in a script that is declared to scan may be one")
		}
		r.scope = append(r.scope, map[string]*variable{}) // the condition sees the body's locals
		for _, b := range s.Stmts {
			r.stmt(b)
		}
		r.expr(s.Condition, roleTest)
		r.scope = r.scope[:len(r.scope)-1]
	case *ast.NumberForStmt:
		r.exprs([]ast.Expr{s.Init, s.Limit})
		if s.Step != nil {
			r.expr(s.Step, roleValue)
		}
		r.body(s, []string{s.Name}, s.Stmts)
	case *ast.GenericForStmt:
		r.exprs(s.Exprs)
		r.body(s, s.Names, s.Stmts)
	}
}

func (r *resolver) body(node any, list []string, stmts []ast.Stmt) {
	r.scope = append(r.scope, map[string]*variable{})
	r.declare(node, list...)
	r.block(stmts)
	r.scope = r.scope[:len(r.scope)-1]
}

// local sees a function before its body: "local function f" and "local f = function" are the same in the tree, and in both
// readings a use of f inside is refused.
func (r *resolver) local(s *ast.LocalAssignStmt) {
	if fn, ok := isFunction(s); ok {
		r.declare(s, s.Names[0])
		r.n.decl[s][0].fn = fn
		if name := s.Names[0]; name == r.c.script.Vetted && r.n.vetted == nil && r.fn == nil && slices.Equal(fn.ParList.Names, []string{"KEYS", "ARGV"}) {
			r.n.vetted = fn
			return
		}
		r.function(fn)
		return
	}
	r.exprs(s.Exprs)
	r.declare(s, s.Names...)
}

func isFunction(s *ast.LocalAssignStmt) (*ast.FunctionExpr, bool) {
	if len(s.Names) != 1 || len(s.Exprs) != 1 {
		return nil, false
	}
	fn, ok := s.Exprs[0].(*ast.FunctionExpr)
	return fn, ok
}

func (r *resolver) function(fn *ast.FunctionExpr) {
	if fn.ParList.HasVargs {
		r.c.report(fn, ruleUnprovable, "a function with varargs can't be followed")
	}
	outer := r.fn
	r.fn = fn
	r.body(fn, fn.ParList.Names, fn.Stmts)
	r.fn = outer
}

func (r *resolver) funcDef(s *ast.FuncDefStmt) {
	switch name := s.Name.Func.(type) {
	case *ast.IdentExpr:
		r.c.at[name] = r.c.at[s]
		r.target(name)
	case *ast.AttrGetExpr:
		r.c.report(s, ruleAlias, "a function is put into a table")
	default:
		r.c.report(s, ruleAlias, "a method is put into a table")
	}
	r.function(s.Func)
}

// target is what is assigned to.
func (r *resolver) target(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		v := r.lookup(e.Value)
		switch {
		case v != nil && v.fn != nil:
			r.c.report(e, ruleAlias, "the function %s is assigned again", e.Value)
		case v != nil:
			r.n.use[e] = v
			if v.in != r.fn {
				r.c.report(e, ruleUnprovable, "the function assigns %s, which is declared outside of it", e.Value)
			}
		case reserved(e.Value):
			r.c.report(e, ruleAlias, "%s is assigned", e.Value)
		default:
			r.c.report(e, ruleGlobals, "%s is a global", e.Value)
		}
	case *ast.AttrGetExpr:
		if id, ok := e.Object.(*ast.IdentExpr); ok && r.lookup(id.Value) == nil && reserved(id.Value) {
			r.c.report(e, ruleAlias, "an element of %s is assigned", id.Value)
			r.expr(e.Key, roleValue)
			return
		}
		r.expr(e.Object, roleIndex)
		r.expr(e.Key, roleValue)
	}
}

func (r *resolver) exprs(list []ast.Expr) {
	for _, e := range list {
		r.expr(e, roleValue)
	}
}

func (r *resolver) expr(e ast.Expr, as role) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		r.ident(e, as)
	case *ast.AttrGetExpr:
		r.attr(e, as)
	case *ast.FuncCallExpr:
		r.call(e)
	case *ast.FunctionExpr:
		r.c.report(e, ruleUnprovable, "a function is used as a value")
		r.function(e)
	case *ast.Comma3Expr:
		r.c.report(e, ruleUnprovable, "varargs can't be followed")
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				r.expr(f.Key, roleValue)
			}
			r.expr(f.Value, roleValue)
		}
	case *ast.LogicalOpExpr:
		r.expr(e.Lhs, as)
		r.expr(e.Rhs, as)
	case *ast.RelationalOpExpr:
		r.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.StringConcatOpExpr:
		r.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.ArithmeticOpExpr:
		r.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.UnaryMinusOpExpr:
		r.expr(e.Expr, roleValue)
	case *ast.UnaryNotOpExpr:
		r.expr(e.Expr, roleTest)
	case *ast.UnaryLenOpExpr:
		r.expr(e.Expr, roleIndex)
	}
}

func (r *resolver) ident(e *ast.IdentExpr, as role) {
	if v := r.lookup(e.Value); v != nil {
		r.n.use[e] = v
		if v.fn != nil && as != roleCallee {
			r.c.report(e, ruleUnprovable, "the function %s is used as a value", e.Value)
		}
		return
	}
	switch name := e.Value; {
	case name == "KEYS" || name == "ARGV":
		if as != roleIndex {
			r.c.report(e, ruleAlias, "%s may only be indexed, unpacked and counted", name)
		}
	case libraries[name] != nil:
		r.c.report(e, ruleAlias, "%s stands without the name of one of its functions", name)
	case slices.Contains(baseFunctions, name):
		if as != roleCallee {
			r.c.report(e, ruleAlias, "%s is used as a value", name)
		}
	case slices.Contains(dynamicFunctions, name):
		r.c.report(e, ruleDynamicCode, "%s makes code of text", name)
	case slices.Contains(forbiddenNames, name):
		r.c.report(e, ruleForbiddenFunction, "%s is forbidden", name)
	default:
		r.c.report(e, ruleGlobals, "%s is a global", name)
	}
}

// attr is t.name and t[expr].
func (r *resolver) attr(e *ast.AttrGetExpr, as role) {
	id, ok := e.Object.(*ast.IdentExpr)
	if !ok || r.lookup(id.Value) != nil || libraries[id.Value] == nil && !slices.Contains(forbiddenNames, id.Value) {
		r.expr(e.Object, roleIndex)
		r.expr(e.Key, roleValue)
		return
	}
	key, literal := e.Key.(*ast.StringExpr)
	switch full := id.Value + "." + keyText(key); {
	case libraries[id.Value] == nil:
		r.c.report(e, ruleForbiddenFunction, "%s is forbidden", id.Value)
	case r.c.bracket[e] || !literal:
		r.c.report(e, ruleAlias, "%s is indexed by an expression", id.Value)
		r.expr(e.Key, roleValue)
	case full == "string.dump":
		r.c.report(e, ruleDynamicCode, "string.dump makes code")
	case !slices.Contains(libraries[id.Value], key.Value):
		r.c.report(e, ruleForbiddenFunction, "%s is not on the list", full)
	case full == "math.huge" || full == "redis.acl_check_cmd" && as == roleTest:
	case as != roleCallee:
		r.c.report(e, ruleAlias, "%s is used as a value", full)
	}
}

func keyText(e *ast.StringExpr) string {
	if e == nil {
		return ""
	}
	return e.Value
}

func (r *resolver) call(e *ast.FuncCallExpr) {
	if e.Func == nil {
		r.expr(e.Receiver, roleIndex)
		r.c.report(e, ruleUnprovable, "what the method %s is depends on the value", e.Method)
		r.exprs(e.Args)
		return
	}
	r.expr(e.Func, roleCallee)
	if id, ok := e.Func.(*ast.IdentExpr); ok {
		if v := r.n.use[id]; v != nil && v.fn != nil && r.fn != nil {
			r.n.calls[r.fn] = append(r.n.calls[r.fn], v.fn)
		}
	}
	switch name := globalName(r.n, e.Func); name {
	case "redis.call", "redis.pcall", "redis.acl_check_cmd":
		r.c.command(e, name)
	case "unpack", "ipairs", "pairs":
		if len(e.Args) > 0 {
			r.expr(e.Args[0], roleIndex)
			r.exprs(e.Args[1:])
			return
		}
	}
	r.exprs(e.Args)
}

// globalName is the name of a function that is not a local: "tonumber", "redis.call"; else "".
func globalName(n *names, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if n.use[e] == nil {
			return e.Value
		}
	case *ast.AttrGetExpr:
		id, ok := e.Object.(*ast.IdentExpr)
		key, literal := e.Key.(*ast.StringExpr)
		if ok && literal && n.use[id] == nil {
			return id.Value + "." + key.Value
		}
	}
	return ""
}
