package vet

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// write goes on with a write's outcomes. The first may fail, since then nothing was changed; any later one must be shown not to.
func (a *analysis) write(st *state, e *ast.FuncCallExpr, in *invocation, protected bool, site string, k func(*state, []value)) {
	if st.written != nil {
		a.prove(st, e, in)
	} else if protected {
		a.fail(st, e, site, k)
	}
	v := a.reply(st, e, in)
	if st.written == nil {
		st.written = e
	}
	st.know["cmd "+variant(in)] = 0
	if took := in.form(); took != "" {
		st.know[took] = 0
	}
	for _, r := range rights(in) {
		st.know[r] = 0
	}
	for _, key := range in.keys {
		a.changed(st, in, key.v.keyID)
	}
	k(st, []value{v})
}

// prove demands of a later write that nothing can make it fail.
func (a *analysis) prove(st *state, e *ast.FuncCallExpr, in *invocation) {
	name, line := in.cmd.name, a.c.lineOf(st.written)
	for _, key := range in.keys {
		if !a.allowed(st, in, key.v.keyID) {
			a.c.report(e, rulePermission, "before the write in %s it was not checked that the user may also call %s with this key", line, name)
		}
	}
	for _, key := range in.keys {
		if !a.fits(st, in, key.v.keyID) {
			a.c.report(e, ruleLateFailure, "%s may fail after the write in %s: its key's type was not checked, or that write may have "+
				"changed it if both have the same key (compare the keys first)", name, line)
		}
	}
	switch {
	case !in.exact:
		a.c.report(e, ruleLateFailure, "%s may have too few arguments, or pairs that do not match, after the write in %s", name, line)
	case !in.cmd.sure && !a.counts(st, in):
		a.c.report(e, ruleLateFailure, "%s may fail on what it finds, after the write in %s: let it be the first write", name, line)
	}
	took := in.form()
	for _, g := range in.args {
		if st.knows(took) && g.kind != 'k' && g.kind != 'm' && g.kind != 'x' || g.v.kinds == 0 && g.v.spread != nil {
			continue
		}
		if !a.takes(st, in, g) {
			a.c.report(e, ruleLateFailure, "%s may be given what it does not take, after the write in %s", name, line)
			return
		}
	}
}

// covering lists the names under which something may have been shown of a key: its own, and those of all of which it is one.
func (a *analysis) covering(key string) []string {
	general := key
	for loop, all := range a.loops {
		if all != "" {
			general = strings.ReplaceAll(general, loop, all)
		}
	}
	list := []string{key, whole(general)}
	if i := strings.IndexByte(key, '['); i > 0 {
		list = append(list, key[:i]+"[*]")
	}
	return list
}

func (a *analysis) known(st *state, what, key string) (family, bool) {
	for _, name := range a.covering(key) {
		if f, ok := st.know[what+" "+name]; ok && key != "" {
			return f, true
		}
	}
	return 0, false
}

// allowed: the user was asked about before, or the same call was let through. Before 7.0 rights to keys do not differ by command.
func (a *analysis) allowed(st *state, in *invocation, key string) bool {
	if _, ok := a.known(st, "right "+variant(in), key); ok {
		return true
	}
	_, ok := a.known(st, "access", key)
	return ok && st.knows("cmd "+variant(in))
}

// fits: the key is missing, or of the type that the command needs.
func (a *analysis) fits(st *state, in *invocation, key string) bool {
	needs := in.cmd.needs
	if variant(in) == "SET-GET" {
		needs = famString
	}
	if needs == famAny {
		return true
	}
	f, ok := a.known(st, "type", key)
	return ok && (f == famMissing || f == needs)
}

// counts: the command adds to an integer that was seen to be one, within 2^53, so that no sum of two can overflow.
func (a *analysis) counts(st *state, in *invocation) bool {
	if len(in.keys) != 1 {
		return false
	}
	key := in.keys[0].v.keyID
	switch in.cmd.name {
	case "INCR", "DECR", "INCRBY", "DECRBY":
		f, _ := a.known(st, "type", key)
		_, intact := a.known(st, "intact GET", key)
		return f == famMissing || intact
	case "HINCRBY":
		return len(in.args) > 1 && in.args[1].v.canon != "" && st.knows("intact HGET "+key+" "+in.args[1].v.canon)
	}
	return false
}

// takes: the argument is of the form that the server demands.
func (a *analysis) takes(st *state, in *invocation, g argument) bool {
	v := g.v
	whole := v.fits64() || v.is(kStr) && v.src != "" && st.knows("intact "+v.src)
	switch g.kind {
	case 'k':
		return v.is(kStr)
	case 'm':
		return v.is(kStr | kNum)
	case 'i':
		return whole
	case 'p':
		return whole && v.num.lo >= 1
	case 'f':
		return isFloat(v)
	case 'b':
		return isFloat(v) || v.is(kStr) && v.lits != nil && !slices.ContainsFunc(v.lits, func(s string) bool { return !floatText(strings.TrimPrefix(s, "(")) })
	case 'w':
		return true
	case 'W':
		return v.is(kStr) && v.lits != nil && !slices.ContainsFunc(v.lits, func(s string) bool {
			return !slices.Contains(words[in.cmd.name], strings.ToUpper(s))
		})
	case 'o':
		return a.option(in, g)
	}
	return false
}

func isFloat(v value) bool {
	return v.is(kNum) && !v.num.nan || v.is(kStr) && (v.float || v.whole) && !v.blank
}

var setOptions = strings.Fields("EX PX EXAT PXAT KEEPTTL NX XX GET")

// form names a call by those of its arguments that a server may not take; "": they have no names.
func (in *invocation) form() string {
	var b strings.Builder
	b.WriteString("took " + in.cmd.name)
	for _, g := range in.args {
		if g.kind == 'k' || g.kind == 'm' || g.kind == 'w' {
			continue
		}
		if g.v.canon == "" || g.v.spread != nil {
			return ""
		}
		b.WriteString(" " + g.v.canon)
	}
	return b.String()
}

// option: SET's and ZADD's literal ones are known; a number follows a word that wants one.
func (a *analysis) option(in *invocation, g argument) bool {
	if g.v.is(kStr) && len(g.v.lits) == 1 && (in.cmd.name == "SET" && slices.Contains(setOptions, g.v.lits[0]) || in.cmd.name == "ZADD") {
		return true
	}
	return in.cmd.name == "SET" && g.v.fits64() && g.v.num.lo >= 1
}

// fits64: a server takes it for an integer. A number is written with up to 17 digits, a text is what it is.
func (v value) fits64() bool {
	n := v.asInteger()
	return n.safe() || v.is(kStr) && n.whole && !n.nan && n.lo >= math.MinInt64 && n.hi <= math.MaxInt64
}

// changed notes what a write shows of its key, and what no longer holds of others, which may be the same key.
func (a *analysis) changed(st *state, in *invocation, key string) {
	becomes := in.cmd.makes
	if becomes == famAny {
		becomes = in.cmd.needs
	}
	before, known := a.known(st, "type", key)
	switch in.cmd.name {
	case "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "PERSIST":
		return
	case "SETNX", "MSETNX": // makes a string only if nothing was there
		becomes = famString
		if known && before != famMissing && before != famString {
			becomes = before
		}
	}
	for _, k := range slices.Collect(maps.Keys(st.know)) {
		what, rest, _ := strings.Cut(k, " ")
		switch {
		case what == "intact":
			_, of, _ := strings.Cut(rest, " ")
			of, _, _ = strings.Cut(of, " ")
			if strings.HasPrefix(rest, "GET ") || strings.HasPrefix(rest, "HGET ") {
				if of == key || !distinct(st, of, key) {
					delete(st.know, k)
				}
			}
		case what == "type" && rest != key && becomes != famMissing && !distinct(st, rest, key):
			if st.know[k] == famMissing {
				st.know[k] = becomes
			} else if st.know[k] != becomes {
				delete(st.know, k)
			}
		}
	}
	if key == "" {
		return
	}
	delete(st.know, "type "+key)
	if becomes != famAny && (in.cmd.name != "SETNX" && in.cmd.name != "MSETNX" || known) {
		st.know["type "+key] = becomes
	}
}

// distinct: the script compared the two keys, and they are not the same.
func distinct(st *state, a, b string) bool {
	if a > b {
		a, b = b, a
	}
	is, known := st.facts["("+a+"=="+b+")"]
	return known && !is
}
