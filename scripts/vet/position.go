package vet

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// position is a place in the text; line and column count from 1.
type position struct{ line, column int }

// locator gives each node of the tree its column, which the parser does not keep: it walks the tree in the order of the
// text and finds for each leaf and keyword the next token that it can be.
type locator struct {
	c      *checker
	tokens []ast.Token
	next   int
	depth  int
	nodes  int
	tooBig bool
}

// locate also refuses a tree that is too deep or too large for the walks that follow.
func (c *checker) locate(text string, chunk []ast.Stmt) bool {
	l := &locator{c: c}
	scanner := parse.NewScanner(strings.NewReader(text), c.script.File)
	var lexer parse.Lexer
	for {
		t, err := scanner.Scan(&lexer)
		if err != nil || t.Type == parse.EOF {
			break
		}
		l.tokens = append(l.tokens, t)
		lexer.PrevTokenType = t.Type
	}
	l.block(chunk)
	if l.tooBig {
		c.reportAt(position{1, 1}, ruleUnprovable, "it nests more than %d deep or has more than %d parts", maxDepth, maxNodes)
	}
	return !l.tooBig
}

// take moves to the next token of that type and text (empty: any), and gives its place.
func (l *locator) take(typ int, text string) (position, bool) {
	for i := l.next; i < len(l.tokens); i++ {
		if t := &l.tokens[i]; t.Type == typ && (text == "" || t.Str == text) {
			l.next = i + 1
			return position{t.Pos.Line, t.Pos.Column}, true
		}
	}
	return position{}, false
}

func (l *locator) mark(node ast.PositionHolder, typ int, text string) {
	p, ok := l.take(typ, text)
	if !ok {
		p = position{max(node.Line(), 1), 1}
	}
	l.c.at[node] = p
}

// enter counts; it says false where the walk must stop.
func (l *locator) enter() bool {
	l.nodes++
	l.depth++
	if l.depth > maxDepth || l.nodes > maxNodes {
		l.tooBig = true
	}
	return !l.tooBig
}

func (l *locator) block(list []ast.Stmt) {
	for _, s := range list {
		if l.enter() {
			l.stmt(s)
		}
		l.depth--
	}
}

func (l *locator) exprs(list []ast.Expr) {
	for _, e := range list {
		l.expr(e)
	}
}

func (l *locator) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		l.exprs(s.Lhs)
		l.exprs(s.Rhs)
		l.c.at[s] = l.c.at[s.Lhs[0]]
	case *ast.LocalAssignStmt:
		l.mark(s, parse.TLocal, "")
		l.local(s)
	case *ast.FuncCallStmt:
		l.expr(s.Expr)
		l.c.at[s] = l.c.at[s.Expr]
	case *ast.DoBlockStmt:
		l.mark(s, parse.TDo, "")
		l.block(s.Stmts)
	case *ast.WhileStmt:
		l.mark(s, parse.TWhile, "")
		l.expr(s.Condition)
		l.block(s.Stmts)
	case *ast.RepeatStmt:
		l.mark(s, parse.TRepeat, "")
		l.block(s.Stmts)
		l.expr(s.Condition)
	case *ast.IfStmt:
		l.ifStmt(s)
	case *ast.NumberForStmt:
		l.mark(s, parse.TFor, "")
		l.exprs([]ast.Expr{s.Init, s.Limit})
		if s.Step != nil {
			l.expr(s.Step)
		}
		l.block(s.Stmts)
	case *ast.GenericForStmt:
		l.mark(s, parse.TFor, "")
		l.take(parse.TIn, "")
		l.exprs(s.Exprs)
		l.block(s.Stmts)
	case *ast.FuncDefStmt:
		l.mark(s, parse.TFunction, "")
		l.block(s.Func.Stmts)
	case *ast.ReturnStmt:
		l.mark(s, parse.TReturn, "")
		l.exprs(s.Exprs)
	case *ast.BreakStmt:
		l.mark(s, parse.TBreak, "")
	case *ast.LabelStmt:
		l.mark(s, parse.T2Colon, "")
	case *ast.GotoStmt:
		l.mark(s, parse.TGoto, "")
	}
}

// ifStmt serves elseif too, which the parser makes an if in the else branch.
func (l *locator) ifStmt(s *ast.IfStmt) {
	l.mark(s, l.first(parse.TIf, parse.TElseIf), "")
	l.expr(s.Condition)
	l.block(s.Then)
	l.block(s.Else)
}

// first tells which of the types comes next. What the walk does not consume (commas, closing brackets, end) is passed over.
func (l *locator) first(types ...int) int {
	for _, t := range l.tokens[min(l.next, len(l.tokens)):] {
		if slices.Contains(types, t.Type) {
			return t.Type
		}
	}
	return types[0]
}

func (l *locator) local(s *ast.LocalAssignStmt) {
	if l.next < len(l.tokens) && l.tokens[l.next].Type == parse.TFunction {
		f := s.Exprs[0].(*ast.FunctionExpr)
		l.mark(f, parse.TFunction, "")
		l.take(parse.TIdent, s.Names[0])
		l.body(f)
		return
	}
	for _, n := range s.Names {
		l.take(parse.TIdent, n)
	}
	l.exprs(s.Exprs)
}

func (l *locator) expr(e ast.Expr) {
	defer func() { l.depth-- }()
	if !l.enter() {
		return
	}
	switch e := e.(type) {
	case *ast.TrueExpr:
		l.mark(e, parse.TTrue, "")
	case *ast.FalseExpr:
		l.mark(e, parse.TFalse, "")
	case *ast.NilExpr:
		l.mark(e, parse.TNil, "")
	case *ast.NumberExpr:
		l.mark(e, parse.TNumber, e.Value)
	case *ast.StringExpr:
		l.mark(e, parse.TString, e.Value)
	case *ast.Comma3Expr:
		l.mark(e, parse.T3Comma, "")
	case *ast.IdentExpr:
		l.mark(e, parse.TIdent, e.Value)
	case *ast.AttrGetExpr:
		l.attr(e)
	case *ast.TableExpr:
		l.mark(e, '{', "")
		l.fields(e)
	case *ast.FuncCallExpr:
		l.call(e)
	case *ast.FunctionExpr:
		l.function(e)
	case *ast.LogicalOpExpr:
		l.binary(e, e.Lhs, e.Rhs)
	case *ast.RelationalOpExpr:
		l.binary(e, e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		l.binary(e, e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		l.binary(e, e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		l.mark(e, '-', "")
		l.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		l.mark(e, parse.TNot, "")
		l.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		l.mark(e, '#', "")
		l.expr(e.Expr)
	}
}

func (l *locator) binary(e, lhs, rhs ast.Expr) {
	l.expr(lhs)
	l.expr(rhs)
	l.c.at[e] = l.c.at[lhs]
}

// attr tells t.name from t['name'], which are the same in the tree.
func (l *locator) attr(e *ast.AttrGetExpr) {
	l.expr(e.Object)
	l.c.at[e] = l.c.at[e.Object]
	if key, ok := e.Key.(*ast.StringExpr); ok && l.first('.', '[') == '.' {
		l.mark(key, parse.TIdent, key.Value)
		return
	}
	l.c.bracket[e] = true
	l.expr(e.Key)
}

func (l *locator) call(e *ast.FuncCallExpr) {
	if e.Func != nil {
		l.expr(e.Func)
		l.c.at[e] = l.c.at[e.Func]
	} else {
		l.expr(e.Receiver)
		l.c.at[e] = l.c.at[e.Receiver]
		l.take(parse.TIdent, e.Method)
	}
	l.exprs(e.Args)
}

func (l *locator) function(e *ast.FunctionExpr) {
	l.mark(e, parse.TFunction, "")
	l.body(e)
}

func (l *locator) body(e *ast.FunctionExpr) {
	for _, n := range e.ParList.Names {
		l.take(parse.TIdent, n)
	}
	l.block(e.Stmts)
}

func (l *locator) fields(e *ast.TableExpr) {
	for _, f := range e.Fields {
		if key, ok := f.Key.(*ast.StringExpr); ok && l.first(parse.TIdent, '[') == parse.TIdent {
			l.mark(key, parse.TIdent, key.Value)
		} else if f.Key != nil {
			l.expr(f.Key)
		}
		l.expr(f.Value)
	}
}
