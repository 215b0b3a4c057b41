package vet

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// redisCall is redis.call and redis.pcall.
func (a *analysis) redisCall(st *state, e *ast.FuncCallExpr, protected bool, k func(*state, []value)) {
	cmd := commandOf(e)
	if cmd == nil { // refused already
		a.list(st, e.Args, -1, func(st *state, _ []value) { k(st, []value{unknown()}) })
		return
	}
	a.list(st, e.Args[1:], -1, func(st *state, list []value) {
		in := arrange(cmd, list, e.Args[1:])
		site := a.name("c", e)
		st.forget(site)
		a.judgeKeys(in)
		a.notHidden(st)
		for _, g := range in.args { // a nil would have raised an error
			if name := g.v.canon; g.v.has(kNil) && (strings.HasPrefix(name, "KEYS[") || strings.HasPrefix(name, "ARGV[")) && st.written == nil {
				st.know["there "+name] = 0
			}
		}
		switch {
		case in.harmless() && protected && st.written == nil:
			a.probe(st, e, in, site)
			k(st, []value{{kinds: kErr, site: site, canon: site}})
			return
		case cmd.write:
			a.write(st, e, in, protected, site, k)
		default:
			a.must(st, e, false, "%s reads", cmd.name)
			if st.written == nil && protected {
				a.fail(st, e, site, k)
			}
			a.readOK(st, e, in, k)
		}
	})
}

// fail goes on with the call's failure.
func (a *analysis) fail(st *state, e *ast.FuncCallExpr, site string, k func(*state, []value)) {
	t := st.clone()
	t.failed = e
	k(t, []value{{kinds: kErr, site: site, canon: site}})
}

// notHidden reports a failure after which the script calls on. INFO is only ever asked for advice.
func (a *analysis) notHidden(st *state) {
	if st.failed == nil {
		return
	}
	if cmd := commandOf(st.failed); cmd == nil || cmd.name != "INFO" {
		a.c.report(st.failed, ruleHiddenFailure, "if this call fails, the script goes on and calls others")
	}
	st.failed = nil
}

// judgeKeys demands that keys are keys, and that arguments are something that a call takes.
func (a *analysis) judgeKeys(in *invocation) {
	for _, k := range in.keys {
		if k.v.kinds == 0 { // of an empty table
			continue
		}
		if !k.v.key || k.v.has(^(kStr | kNil)) {
			a.c.report(k.node, ruleKeyOrigin, "a key of %s is not surely from KEYS%s", in.cmd.name, map[bool]string{true: " or SCAN"}[a.c.script.Keyspace])
		}
	}
}

// probe is the harmless call before 7.0: its failure shows whether the user has the rights.
func (a *analysis) probe(st *state, e *ast.FuncCallExpr, in *invocation, site string) {
	if is, known := st.facts["acl"]; !known || is {
		a.c.report(e, rulePermission, "a call that only asks for rights must stand in the else of \"if redis.acl_check_cmd\"")
		return
	}
	for _, right := range rights(in) {
		st.know["tried "+site+" "+right] = 0
	}
}

// rights names what a call needs: see state.know.
func rights(in *invocation) []string {
	var list []string
	for _, k := range in.keys {
		if k.v.keyID != "" {
			list = append(list, "right "+variant(in)+" "+k.v.keyID)
		}
	}
	if len(list) < len(in.keys) {
		return nil
	}
	return list
}

// variant sets a call apart that needs more rights than its command does without the option.
func variant(in *invocation) string {
	if in.cmd.name == "SET" && in.option("GET") {
		return "SET-GET"
	}
	return in.cmd.name
}

// aclTexts are how servers before 7.0, and from then on, begin to tell a script about rights; both must not be found.
var aclTexts = []string{"ACL failure in script", "The user executing the script"}

// unfound notes that an error does not have a text; once it has neither of those about rights, the user has them.
func (a *analysis) unfound(st *state, what string) {
	site, _, _ := strings.Cut(what, " ")
	if !st.tried(site) {
		return
	}
	st.know["unfound "+what] = 0
	for _, t := range aclTexts {
		if !st.knows("unfound " + site + " " + t) {
			return
		}
	}
	st.granted(site)
}

// found notes that an error has a text. So the script has told it from others, and need not return it; and a harmless call that
// was refused for its syntax was not refused for its rights.
func (a *analysis) found(st *state, what string) {
	site, text, _ := strings.Cut(what, " ")
	if text == "syntax error" && st.tried(site) {
		st.granted(site)
	}
	if len(text) >= 8 && !slices.Contains(aclTexts, text) {
		st.failed = nil
	}
}

func (s *state) tried(site string) bool {
	for k := range s.know {
		if strings.HasPrefix(k, "tried "+site) {
			return true
		}
	}
	return false
}

// granted turns what a harmless call asked for into what is known.
func (s *state) granted(site string) {
	prefix := "tried " + site + " "
	for _, k := range slices.Collect(maps.Keys(s.know)) {
		if right, ok := strings.CutPrefix(k, prefix); ok {
			s.know[right] = 0
		}
		if strings.HasPrefix(k, prefix) || strings.HasPrefix(k, "unfound "+site) {
			delete(s.know, k)
		}
	}
}

// aclCheck is redis.acl_check_cmd: if it is true, the user has the rights.
func (a *analysis) aclCheck(st *state, e *ast.FuncCallExpr, args []value) value {
	if is, known := st.facts["acl"]; !known || !is {
		a.c.report(e, rulePermission, "before 7.0 there is no redis.acl_check_cmd: ask in \"if redis.acl_check_cmd\"")
	}
	a.must(st, e, false, "a right is asked for")
	v := value{kinds: kBool}
	cmd := commandOf(e)
	if cmd == nil {
		return v
	}
	in := arrange(cmd, args[1:], e.Args[1:])
	a.judgeKeys(in)
	v.right = strings.Join(rights(in), "\n")
	return v
}

// readOK goes on with the replies of a read that did not fail.
func (a *analysis) readOK(st *state, e *ast.FuncCallExpr, in *invocation, k func(*state, []value)) {
	key := ""
	if is, known := st.facts["acl"]; known && !is {
		for _, k := range in.keys {
			st.know["access "+k.v.keyID] = 0
		}
	}
	if len(in.keys) == 1 {
		key = in.keys[0].v.keyID
	}
	if key != "" {
		if in.cmd.needs != famAny && !a.missing(st, key) {
			st.know["type "+key] = in.cmd.needs
		}
	}
	v := a.reply(st, e, in)
	if key != "" {
		switch in.cmd.name {
		case "GET", "TYPE", "EXISTS":
			v.src = in.cmd.name + " " + key
		case "HGET":
			if field := in.args[1].v; field.canon != "" {
				v.src = "HGET " + key + " " + field.canon
			}
		}
	}
	if in.cmd.name == "GET" && key != "" {
		missing := st.clone()
		no := v.only(kFalse)
		no.src = v.src
		a.shown(missing, no)
		k(missing, []value{no})
		v = v.only(kStr)
	}
	if in.cmd.name == "TYPE" && key != "" {
		t := st.heap[v.tab]
		t.fields = map[string]value{"ok": {kinds: kStr, lits: []string{"none", "string", "hash", "list", "set", "zset", "stream", "other"},
			src: v.src, canon: "⟨" + v.src + "⟩", num: anyNumber}}
		st.heap[v.tab] = t
	}
	k(st, []value{v})
}

func (a *analysis) missing(st *state, key string) bool {
	f, ok := st.know["type "+key]
	return ok && f == famMissing
}

// reply is what is known of a command's answer.
func (a *analysis) reply(st *state, e *ast.FuncCallExpr, in *invocation) value {
	v := value{data: true, num: interval{-maxExact, maxExact, true, false}, canon: a.name("c", e)}
	t := table{fields: map[string]value{}, rest: text(true), reply: true, hi: math.Inf(1)}
	switch in.cmd.reply {
	case 'b':
		v.kinds, v.num = kStr|kFalse, anyNumber
	case 't':
		v.kinds, v.num = kStr, anyNumber
	case 'f':
		v.kinds, v.float, v.num = kStr|kFalse, true, anyNumber
	case 'i':
		v.kinds = kNum
	case 'c':
		v.kinds, v.num.lo = kNum|kFalse, 0
	case 'Z':
		v.kinds, v.num = kStatus|kFalse|kStr, anyNumber
		v.tab = a.fresh(st, e, statusTable(false)).tab
	case 's':
		v.kinds = kStatus
		v.tab = a.fresh(st, e, statusTable(true)).tab
	case 'z':
		v.kinds = kNum
		if in.option("INCR") {
			v.kinds, v.num = kStr|kFalse, anyNumber
		}
	case '?':
		v.kinds, v.num = kStr|kNum|kFalse, anyNumber
	case 'T':
		n := text(false)
		n.whole, n.float, n.num = true, true, interval{0, maxExact, true, false}
		t.rest, t.lo, t.hi = n, 2, 2
		return a.fresh(st, e, t)
	case 'S':
		return a.scan(st, e, in)
	case 'n':
		t.open = true
		return a.fresh(st, e, t)
	default:
		t.hi = size(in)
		if in.cmd.name == "HMGET" || in.cmd.name == "MGET" {
			t.lo, t.rest.kinds = t.hi, kStr|kFalse
			if least, most := in.count(); least != most {
				t.lo = 0
			}
		}
		if in.cmd.name == "XRANGE" || in.cmd.name == "XREVRANGE" {
			t.rest = unknown()
		}
		if in.cmd.reply == 'a' && in.cmd.write {
			t.rest.kinds = kStr | kNum | kFalse
		}
		return a.fresh(st, e, t)
	}
	return v
}

// statusTable is a status reply; its text is the server's own.
func statusTable(plain bool) table {
	return table{fields: map[string]value{"ok": text(!plain)}, reply: true}
}

// size is how many elements a reply has at most.
func size(in *invocation) float64 {
	least, most := in.count()
	double := 1.0
	if in.option("WITHSCORES") {
		double = 2
	}
	number := func(i int) interval {
		if i < len(in.args) && in.args[i].v.spread == nil {
			return in.args[i].v.asInteger()
		}
		return anyNumber
	}
	switch in.cmd.reply {
	case 'a':
		switch in.cmd.name {
		case "HMGET":
			return most - 1
		case "MGET":
			return most
		}
		if !strings.HasPrefix(in.cmd.name, "ZPOP") { // INCREX answers two
			return most + 1
		}
		if least == 1 && most == 1 {
			return 2
		}
		return 2 * number(1).hi
	case 'r':
		from, to := number(1), number(2)
		if from.lo >= 0 && to.lo >= 0 || from.hi < 0 && to.hi < 0 {
			return double * max(to.hi-from.lo+1, 0)
		}
	case 'l':
		word, skip := "LIMIT", 2
		if strings.HasPrefix(in.cmd.name, "X") {
			word, skip = "COUNT", 1
		}
		if i := in.optionAt(word); i >= 0 && i+skip < len(in.options) {
			if n := in.options[i+skip].v.asInteger(); n.lo >= 0 { // negative: no limit
				return double * n.hi
			}
		}
	}
	return math.Inf(1)
}

// asInteger is the number that a server sees in an argument.
func (v value) asInteger() interval {
	if v.is(kNum) && !v.num.nan || v.is(kStr) && v.whole && !v.blank {
		return v.num
	}
	return anyNumber
}

// scan gives a page: the cursor, and keys that may be used.
func (a *analysis) scan(st *state, e *ast.FuncCallExpr, in *invocation) value {
	cursor := text(true)
	if len(in.args) > 0 {
		cursor.next = in.args[0].v.canon
	}
	cursor.canon = a.name("c", e) + "[1]"
	keys := text(true)
	keys.key = true
	page := a.fresh(st, [2]any{e, "keys"}, table{fields: map[string]value{}, rest: keys, reply: true, hi: manyElements})
	return a.fresh(st, e, table{fields: map[string]value{"#1": cursor, "#2": page}, reply: true, lo: 2, hi: 2})
}
