package vet

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// state is what is known at one point on one path.
type state struct {
	vars  map[*variable]value
	heap  map[int]table
	facts map[string]bool // by a value's name: whether it is true
	// know holds what was shown, each with what it means:
	//	right UNLINK <key>  the user may call UNLINK with that key
	//	cmd UNLINK          the user may call UNLINK
	//	access <key>        the user may access that key
	//	type <key>          the family of the key
	//	intact <src>        what stands there is an integer within 2^53
	//	tried <site> right <command> <key>  the error is that of a harmless call that needs this right
	//	unfound <site> <text>               the error's text was searched for it, in vain
	//	there <name>        the element of KEYS or ARGV is not nil
	//	took <call>         a write with these arguments was not refused for them
	//	first <loop>        no iteration of that loop is over
	//	each <loop> <know>  what each iteration has shown
	know    map[string]family
	written ast.PositionHolder // the first write; nil: none yet
	failed  *ast.FuncCallExpr  // the pcall whose failure this path is about
	changes *change            // the names that were forgotten, the last first
	work    *int               // of the analysis: see maxWork
}

// change is a name that stands for something else from then on.
type change struct {
	name string
	n    int
	prev *change
}

// since drops from a value that was found before all that has changed from then (s.changes as it was) on.
func (s *state) since(was *change, v value) value {
	for c := s.changes; c != nil && (was == nil || c.n > was.n); c = c.prev {
		v = v.forget(c.name)
	}
	return v
}

// table is what is known of a table that the script made or got.
type table struct {
	fields  map[string]value // by literal name, or by "#1"
	rest    value            // join of all other elements; kinds 0: there are none
	lo, hi  float64          // how many elements
	grown   [2]float64       // how many were surely and at most added in this iteration of the innermost loop
	dataKey bool             // has an element whose name is data
	reply   bool             // came from a command
	open    bool             // fields may be missing that are not in fields
	grows   bool             // it was made where nothing runs twice, and all that was done since is appending
	turns   *turns           // every element was assigned to an index that is known to be odd or even; nil: not so
}

// turns is what stands at odd and at even places of a table. It is never changed in place.
type turns struct{ odd, even value }

func newState(work *int) *state {
	return &state{vars: map[*variable]value{}, heap: map[int]table{}, facts: map[string]bool{}, know: map[string]family{}, work: work}
}

// spend counts what it costs to go through the whole state.
func (s *state) spend() {
	*s.work += 4 + len(s.vars) + len(s.facts) + len(s.know)
	for _, t := range s.heap {
		*s.work += 1 + len(t.fields)
	}
	if *s.work > maxWork {
		panic(tooMuch{})
	}
}

func (s *state) knows(what string) bool {
	_, ok := s.know[what]
	return ok
}

func (s *state) clone() *state {
	s.spend()
	return &state{maps.Clone(s.vars), maps.Clone(s.heap), maps.Clone(s.facts), maps.Clone(s.know), s.written, s.failed, s.changes, s.work}
}

// protocol names what must not be mixed up: two states with one protocol may be joined without losing a proof.
func (s *state) protocol() string {
	s.spend()
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s.know)) {
		b.WriteString(k)
		b.WriteByte('=')
		b.WriteString(strconv.Itoa(int(s.know[k])))
		b.WriteByte('\n')
	}
	if s.written != nil {
		b.WriteString("written")
	}
	if s.failed != nil {
		b.WriteString("failed")
	}
	return b.String()
}

// join keeps in s what holds in both.
func (s *state) join(o *state) {
	s.spend()
	for v, a := range s.vars {
		if b, ok := o.vars[v]; ok {
			s.vars[v] = a.join(b)
		} else {
			delete(s.vars, v)
		}
	}
	for id, t := range o.heap {
		if mine, ok := s.heap[id]; ok {
			t = mine.join(t)
		}
		s.heap[id] = t
	}
	for k, v := range s.facts {
		if w, ok := o.facts[k]; !ok || w != v {
			delete(s.facts, k)
		}
	}
	for k, f := range s.know {
		g, ok := o.know[k]
		switch {
		case !ok:
			delete(s.know, k)
		case f == famMissing:
			s.know[k] = g
		case g != famMissing && f != g:
			delete(s.know, k)
		}
	}
	if s.written == nil {
		s.written = o.written
	}
	if s.failed == nil {
		s.failed = o.failed
	}
}

func (t table) join(o table) table {
	j := table{fields: map[string]value{}, rest: t.rest.join(o.rest), lo: min(t.lo, o.lo), hi: max(t.hi, o.hi),
		dataKey: t.dataKey || o.dataKey, reply: t.reply || o.reply, open: t.open || o.open, grows: t.grows && o.grows}
	if t.turns != nil && o.turns != nil {
		j.turns = &turns{t.turns.odd.join(o.turns.odd), t.turns.even.join(o.turns.even)}
	}
	j.grown = [2]float64{min(t.grown[0], o.grown[0]), max(t.grown[1], o.grown[1])}
	for k, v := range t.fields {
		j.fields[k] = v.join(o.get(k))
	}
	for k, v := range o.fields {
		if _, ok := t.fields[k]; !ok {
			j.fields[k] = v.join(t.get(k))
		}
	}
	return j
}

// get reads the element of a literal name, or of a literal index as "#1".
func (t table) get(name string) value {
	if v, ok := t.fields[name]; ok {
		return v
	}
	switch {
	case t.open:
		return unknown()
	case t.rest.kinds == 0 || name[:1] != "#" && !t.dataKey: // what is named by numbers only has no other names
		return nilValue
	}
	v := nilValue.join(t.rest)
	v.canon = ""
	return v
}

// same reports whether going on from o as well could show nothing that going on from s does not.
func (s *state) same(o *state) bool {
	if len(s.vars) != len(o.vars) || len(s.facts) != len(o.facts) || len(s.know) != len(o.know) {
		return false
	}
	s.spend()
	return s.written == o.written && s.failed == o.failed && maps.Equal(s.know, o.know) && maps.Equal(s.facts, o.facts) &&
		maps.EqualFunc(s.vars, o.vars, value.same) && maps.EqualFunc(s.heap, o.heap, table.same)
}

func (t table) same(o table) bool {
	return t.lo == o.lo && t.hi == o.hi && t.grown == o.grown && t.dataKey == o.dataKey && t.reply == o.reply && t.open == o.open &&
		t.grows == o.grows && (t.turns == nil) == (o.turns == nil) &&
		(t.turns == nil || t.turns.odd.same(o.turns.odd) && t.turns.even.same(o.turns.even)) &&
		t.rest.same(o.rest) && maps.EqualFunc(t.fields, o.fields, value.same)
}

func (v value) same(o value) bool {
	return v.kinds == o.kinds && v.data == o.data && slices.Equal(v.lits, o.lits) && (v.lits == nil) == (o.lits == nil) && v.num == o.num &&
		v.whole == o.whole && v.float == o.float && v.blank == o.blank && v.canon == o.canon && v.key == o.key && v.keyID == o.keyID &&
		v.tab == o.tab && v.src == o.src && v.count == o.count && v.lin.is(o.lin) && v.most.is(o.most) && v.cap.is(o.cap) &&
		v.among.is(o.among) && v.right == o.right && v.site == o.site && v.from == o.from && v.find == o.find && v.next == o.next &&
		v.leads == o.leads && v.parity == o.parity
}

func (o *offset) is(p *offset) bool { return o == p || o != nil && p != nil && *o == *p }

// forget drops all that is said with a name: it now stands for something else.
func (s *state) forget(name string) {
	s.spend()
	n := 1
	if s.changes != nil {
		n = s.changes.n + 1
	}
	s.changes = &change{name, n, s.changes}
	maps.DeleteFunc(s.facts, func(k string, _ bool) bool { return strings.Contains(k, name) })
	maps.DeleteFunc(s.know, func(k string, _ family) bool { return strings.Contains(k, name) && !strings.HasPrefix(k, "first ") })
	for id, v := range s.vars {
		s.vars[id] = v.forget(name)
	}
	for id, t := range s.heap {
		t.rest = t.rest.forget(name)
		changed := map[string]value{}
		for k, v := range t.fields {
			changed[k] = v.forget(name)
		}
		t.fields = changed
		s.heap[id] = t
	}
}

// forget drops what is said of the value with a name; "" is in every name.
func (v value) forget(name string) value {
	if name == "" || v.count && name == tableName(v.tab) {
		v.count = false
	}
	for _, s := range []*string{&v.canon, &v.keyID, &v.src, &v.right, &v.site, &v.from, &v.find, &v.next} {
		if strings.Contains(*s, name) {
			*s = ""
		}
	}
	for _, o := range []**offset{&v.lin, &v.most, &v.cap, &v.among} {
		if *o != nil && strings.Contains((*o).base, name) {
			*o = nil
		}
	}
	return v
}

// sweep drops the tables that no local leads to.
func (s *state) sweep() {
	live := map[int]bool{}
	var mark func(v value)
	mark = func(v value) {
		if v.tab == 0 || live[v.tab] {
			return
		}
		live[v.tab] = true
		t := s.heap[v.tab]
		mark(t.rest)
		for _, f := range t.fields {
			mark(f)
		}
	}
	for _, v := range s.vars {
		mark(v)
	}
	for id := range s.heap {
		if live[id] {
			continue
		}
		delete(s.heap, id)
		name := tableName(id)
		maps.DeleteFunc(s.facts, func(k string, _ bool) bool { return strings.Contains(k, name) })
		maps.DeleteFunc(s.know, func(k string, _ family) bool { return strings.Contains(k, name) })
	}
}

const (
	someStates = 4   // beyond it states that differ only in what was found out about single replies are joined
	manyStates = 40  // beyond it states with one protocol are joined
	mostStates = 120 // beyond it all are
)

// merge drops doubles, and joins states if there are too many to keep apart.
func merge(list []*state) []*state {
	if len(list) < 2 {
		return list
	}
	var out []*state
	for _, s := range list {
		if !slices.ContainsFunc(out, s.same) {
			out = append(out, s)
		}
	}
	if len(out) > someStates {
		out = squeezeBy(out, (*state).outline)
	}
	if len(out) <= manyStates {
		return out
	}
	if out = squeezeBy(out, (*state).shape); len(out) <= manyStates {
		return out
	}
	return squeeze(out)
}

// shape is the protocol and of what kinds the locals are: what a script is most likely to test again.
func (s *state) shape() string {
	s.spend()
	names := make([]string, 0, len(s.vars))
	for v, val := range s.vars {
		names = append(names, fmt.Sprintf("%p %d %q", v, val.kinds, val.lits))
	}
	slices.Sort(names)
	return s.protocol() + strings.Join(names, "\n")
}

// outline is the shape and what was found out about the arguments, which is not told again by a local.
func (s *state) outline() string {
	var facts []string
	for k, is := range s.facts {
		if k == "acl" || strings.HasPrefix(k, "(ARGV[") || strings.HasPrefix(k, "(KEYS[") {
			facts = append(facts, fmt.Sprint(k, is))
		}
	}
	slices.Sort(facts)
	return s.shape() + strings.Join(facts, "\n")
}

func squeezeBy(list []*state, key func(*state) string) []*state {
	by := map[string]*state{}
	var out []*state
	for _, s := range list {
		p := key(s)
		if mine := by[p]; mine != nil {
			mine.join(s)
			continue
		}
		by[p] = s
		out = append(out, s)
	}
	return out
}

// squeeze joins the states that have one protocol.
func squeeze(list []*state) []*state {
	out := squeezeBy(list, (*state).protocol)
	for len(out) > mostStates {
		out[0].join(out[len(out)-1])
		out = out[:len(out)-1]
	}
	return out
}
