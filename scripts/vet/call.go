package vet

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// call evaluates a call; k gets all its values.
func (a *analysis) call(st *state, e *ast.FuncCallExpr, k func(*state, []value)) {
	a.step()
	if e.Func == nil {
		k(st, []value{unknown()})
		return
	}
	if id, ok := e.Func.(*ast.IdentExpr); ok {
		if v := a.n.use[id]; v != nil {
			if v.fn == nil {
				a.c.report(e, ruleUnprovable, "%s is called, and is no local function", id.Value)
				k(st, []value{unknown()})
				return
			}
			a.list(st, e.Args, len(v.fn.ParList.Names), func(st *state, args []value) {
				if v.fn == a.n.vetted {
					a.vetted(st, e, k)
				} else {
					a.inline(st, v.fn, args, k)
				}
			})
			return
		}
	}
	name := globalName(a.n, e.Func)
	switch name {
	case "":
		if !a.fromLibrary(e.Func) { // else refused already
			a.c.report(e, ruleUnprovable, "what is called here can't be followed")
		}
		a.eval(st, e.Func, func(st *state, _ value) { k(st, []value{unknown()}) })
		return
	case "redis.call", "redis.pcall":
		a.redisCall(st, e, name == "redis.pcall", k)
		return
	case "type":
		a.typeOf(st, e, k)
		return
	}
	a.list(st, e.Args, -1, func(st *state, args []value) {
		if name == "redis.acl_check_cmd" {
			k(st, []value{a.aclCheck(st, e, args)})
			return
		}
		k(st, a.builtin(st, e, name, args))
	})
}

// fromLibrary: redis[...] and its like.
func (a *analysis) fromLibrary(e ast.Expr) bool {
	get, ok := e.(*ast.AttrGetExpr)
	if !ok {
		return false
	}
	id, ok := get.Object.(*ast.IdentExpr)
	return ok && a.n.use[id] == nil && reserved(id.Value)
}

// inline follows a local function at one of its calls.
func (a *analysis) inline(st *state, fn *ast.FunctionExpr, args []value, k func(*state, []value)) {
	outer := a.frame
	a.frame = &frame{}
	a.set(st, fn, a.n.decl[fn], args)
	for _, st := range a.block([]*state{st}, fn.Stmts).next {
		a.frame.returned = append(a.frame.returned, returned{st, nil})
	}
	list := a.frame.returned
	a.frame = outer
	for _, v := range a.n.decl[fn] {
		for _, r := range list {
			delete(r.st.vars, v)
		}
	}
	for _, r := range mergeReturned(list) {
		k(r.st, r.list)
	}
}

// vetted goes on with what a script that was vetted by itself may have done.
func (a *analysis) vetted(st *state, e *ast.FuncCallExpr, k func(*state, []value)) {
	a.must(st, e, false, "a script runs")
	a.notHidden(st)
	site := a.name("c", e)
	st.forget(site)
	a.fail(st, e, site, k)
	if st.written == nil {
		st.written = e
	}
	maps.DeleteFunc(st.know, func(k string, _ family) bool { return strings.HasPrefix(k, "type ") || strings.HasPrefix(k, "intact ") })
	v := unknown().only(^(kErr | kStatus)) // a status is a table of which nothing is known
	reply := a.fresh(st, e, table{fields: map[string]value{"err": nilValue}, rest: unknown(), hi: manyElements, reply: true, open: true})
	v.tab, v.canon = reply.tab, site
	k(st, []value{v})
}

// mergeReturned joins what is returned in states that are the same.
func mergeReturned(list []returned) []returned {
	var out []returned
next:
	for _, r := range list {
		for i := range out {
			if o := &out[i]; o.st.same(r.st) && sameKinds(o.list, r.list) {
				joined := make([]value, max(len(o.list), len(r.list)))
				for j := range joined {
					joined[j] = at(o.list, j).join(at(r.list, j))
				}
				o.list = joined
				continue next
			}
		}
		out = append(out, r)
	}
	return out
}

// sameKinds keeps apart what a caller is going to tell apart.
func sameKinds(a, b []value) bool {
	return at(a, 0).has(kFalsy) == at(b, 0).has(kFalsy) && at(a, 0).has(^kFalsy) == at(b, 0).has(^kFalsy)
}

var typeNames = []struct {
	name string
	of   kinds
}{{"nil", kNil}, {"boolean", kBool}, {"number", kNum}, {"string", kStr}, {"table", kTables}}

// typeOf goes on with each type that the value may have, known.
func (a *analysis) typeOf(st *state, e *ast.FuncCallExpr, k func(*state, []value)) {
	if len(e.Args) != 1 {
		k(st, []value{text(false)})
		return
	}
	a.eval(st, e.Args[0], func(st *state, v value) {
		for _, t := range typeNames {
			if v.is(t.of) {
				k(st, []value{literal(t.name)})
			} else if v.has(t.of) {
				k(a.narrow(st, e.Args[0], v, t.of), []value{literal(t.name)})
			}
		}
	})
}

// builtin is what Lua's own functions give.
func (a *analysis) builtin(st *state, e *ast.FuncCallExpr, name string, args []value) []value {
	first := at(args, 0)
	if slices.ContainsFunc(args, func(v value) bool { return v.spread != nil }) && name != "math.min" && name != "math.max" {
		a.c.report(e, ruleUnprovable, "%s gets the elements of a table", name)
		return []value{unknown()}
	}
	library, function, _ := strings.Cut(name, ".")
	switch {
	case name == "tonumber":
		return []value{a.toNumber(st, e, args)}
	case name == "tostring":
		return []value{toString(first)}
	case name == "unpack":
		return a.unpack(st, e, args)
	case name == "redis.error_reply", name == "redis.status_reply":
		return []value{a.replyTable(st, e, function, first)}
	case library == "math":
		return []value{a.math(st, e, function, args)}
	case library == "string":
		return a.stringCall(st, e, function, args)
	case library == "table":
		return a.tableCall(st, e, function, args)
	case name == "pairs" || name == "ipairs":
		a.c.report(e, ruleUnprovable, "%s stands outside of a for", name)
	case name == "error" || name == "assert":
		if slices.ContainsFunc(args, func(v value) bool { return v.data && v.has(kStr) }) {
			a.c.report(e, ruleErrorText, "bytes of data become the text of an error")
		}
	}
	return []value{unknown()}
}

func (a *analysis) replyTable(st *state, e *ast.FuncCallExpr, function string, v value) value {
	if v.data && v.has(^kNum) || lineBreak(v) {
		a.c.report(e, ruleErrorText, "bytes of data become the text of an %s", strings.TrimSuffix(function, "_reply"))
	} else if function == "status_reply" && !printable(v) {
		a.c.report(e, ruleErrorText, "a status has other characters than those of ASCII that can be printed")
	}
	a.must(st, e, v.is(kStr|kNum), "the text of a reply may be none")
	if function == "error_reply" {
		return value{kinds: kErr}
	}
	ok := a.fresh(st, e, table{fields: map[string]value{"ok": v}})
	ok.kinds = kStatus
	return ok
}

func (a *analysis) toNumber(st *state, e *ast.FuncCallExpr, args []value) value {
	v := at(args, 0)
	n := value{kinds: kNil, num: anyNumber, src: v.src}
	if v.canon != "" {
		n.canon = "tonumber(" + v.canon + ")"
	}
	if len(args) != 1 {
		a.c.report(e, ruleUnprovable, "tonumber with a base, or without a text")
		n.kinds |= kNum
		return n
	}
	switch {
	case v.is(kNum):
		return v
	case v.is(kStr) && v.whole && !v.blank:
		n.kinds, n.num = kNum, v.num
		n.num.whole, n.num.nan = true, false
	case v.is(kStr) && v.whole: // or empty, which is no number
		n.kinds, n.num = kNum|kNil, v.num
	case v.is(kStr) && v.float:
		n.kinds, n.num.nan = kNum, false
	case v.has(kStr | kNum):
		n.kinds |= kNum
		n.num.nan = !st.knows("decimal " + v.src)
	}
	if n.num.lo == n.num.hi && n.is(kNum) {
		return number(n.num)
	}
	return n
}

// toString writes numbers with 14 digits, as Lua does.
func toString(v value) value {
	if v.is(kStr) {
		return v
	}
	s := text(v.data && v.has(^kNum))
	if v.is(kNum) && v.num.whole && !v.num.nan && math.Abs(v.num.lo) < 1e14 && math.Abs(v.num.hi) < 1e14 {
		s.whole, s.float, s.num = true, true, v.num
	}
	return s
}

// maxUnpack is less than what Lua's stack takes.
const maxUnpack = 7000

// unpack gives a spread, or the values themselves if they are known and few.
func (a *analysis) unpack(st *state, e *ast.FuncCallExpr, args []value) []value {
	t := at(args, 0)
	a.must(st, e, t.is(kTab), "what is unpacked may be no table")
	v, name, lo, hi := unknown(), "", 0.0, math.Inf(1)
	switch {
	case t.canon == "KEYS" || t.canon == "ARGV":
		v, name = text(true), t.canon
		v.key = name == "KEYS"
		lo, hi = a.given(name)
	case t.tab != 0:
		h := st.heap[t.tab]
		v, name, lo, hi = a.read(st, t, number(anyNumber), ""), tableName(t.tab), h.lo, h.hi
		v = v.only(^kNil)
		if !h.known() {
			v.kinds |= kNil
		}
	}
	id := name + "[*]"
	if len(args) > 1 {
		i, j := args[1], at(args, 2)
		id = ""
		n := length(i, j)
		if n <= 0 {
			n = hi
		} else {
			id = chunkName(name, i, n)
		}
		hi, lo = min(hi, n), 0
		if a.ascending(i, j) {
			lo = 1
		}
		if !i.within(name) || j.among == nil || j.among.base != name || j.among.plus > 0 {
			v.kinds |= kNil
		}
	}
	if hi > maxUnpack {
		a.c.report(e, ruleUnpackBound, "more than %d elements may be unpacked", maxUnpack)
	}
	v.canon, v.keyID = "", ""
	if v.key {
		v.keyID = id
	}
	v.spread = &spread{lo: lo, hi: hi}
	if h, ok := st.heap[t.tab]; ok && len(args) == 1 {
		v.spread.turns = h.turns
		if h.grows {
			v.spread.tab = t.tab
		}
	}
	return []value{v}
}

// chunkName names the elements of a table from i on, n at most.
func chunkName(table string, i value, n float64) string {
	if i.canon == "" {
		return ""
	}
	return fmt.Sprintf("%s[%s+%d]", table, i.canon, int(n))
}

// named is the value as a name plus a constant.
func (v value) named() offset {
	if v.lin != nil {
		return *v.lin
	}
	return offset{v.canon, 0}
}

// ascending: j is not less than i, being the lesser of i plus something and the loop's end, which i does not exceed.
func (a *analysis) ascending(i, j value) bool {
	from := i.named()
	return from.base != "" && j.most != nil && j.most.base == from.base && j.most.plus >= from.plus &&
		j.cap != nil && a.limits[from.base].base == j.cap.base && j.cap.plus-a.limits[from.base].plus >= from.plus
}

// length is how many elements there are at most from i to j; 0: not known.
func length(i, j value) float64 {
	from := i.named()
	switch {
	case from.base == "":
	case j.most != nil && j.most.base == from.base:
		return j.most.plus - from.plus + 1
	case j.lin != nil && j.lin.base == from.base:
		return j.lin.plus - from.plus + 1
	}
	switch {
	case i.is(kNum) && j.is(kNum) && !math.IsInf(j.num.hi, 0) && !math.IsInf(i.num.lo, 0):
		return max(j.num.hi-i.num.lo+1, 1)
	}
	return 0
}
