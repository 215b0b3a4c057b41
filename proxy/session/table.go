package session

import (
	"bytes"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
	"github.com/atomicproxy/atomicproxy/proxy/upstream/control"
)

// Policy is what the configuration says about commands.
type Policy struct {
	RawLua bool     // true: EVAL and its kin pass, each on a link of the session's own
	Vetted bool     // true: those of them pass that call a script of the registry's applications
	Deny   []string // "flushall" or "config|set", lower case
	Share  []string // names added to the reviewed list
}

// A verb is what a session does with one command name.
type verb struct {
	handling commands.Handling
	op       commands.Op
	custom   *commands.Custom
	more     *verb  // what a call with more than three arguments is, if that may be one of ours
	base     *verb  // the other way round: what it is if it is none of ours
	refusal  string // complete reply; set: the command is refused
	subs     map[string]*verb
	rest     *verb // of a container: the subcommands that are not in subs
	known    bool  // the upstream or the registry has it
	arity    int   // the upstream's; 0: not known
	noAuth   bool  // runs before authentication
	readOnly bool
	write    bool // may write; so taken where it is not known
	plain    bool // goes on as it is among its neighbours
	unlisted bool // neither the list nor the upstream has it: for the upstream's error
	strict   bool // of a container: what is not known makes state, whatever the upstream lists
	ask      ask  // asks about the commands there are
	lua      lua  // brings or calls a script of the client's own
}

// seal derives what the hot path asks for.
func (v *verb) seal() {
	v.write = v.write || !v.known || v.handling == commands.Script || v.op == commands.OpExec
	v.plain = !v.unlisted && v.handling == commands.Share && v.custom == nil && v.refusal == "" && v.ask == askNone
	if v.more != nil {
		v.more.seal()
	}
	for _, s := range v.subs {
		s.seal()
	}
	if v.rest != nil {
		v.rest.seal()
	}
}

// Table answers what each command name means under a policy, for what the
// upstream is known to have. It does not change once made.
type Table struct {
	Upstream commands.Upstream
	Registry *commands.Registry
	verbs    map[string]*verb
	index    *commands.Index[*verb] // of verbs, for the hot path
	// unlisted is for names that are neither on the list nor known upstream:
	// they pass for the upstream's error. Where the upstream's commands are not
	// known they might be anything, and are pinned.
	unlisted *verb
	complete bool // the upstream's commands are known
	shown    shown
	// quote is the character that the upstream puts around a name in its error
	// for an unknown command.
	quote byte
}

// NewTable makes the table. known is the upstream's COMMAND by lower-case name,
// nil where it is not to be had.
func NewTable(p Policy, reg *commands.Registry, up commands.Upstream, known map[string]control.Info, quote byte) *Table {
	t := &Table{Upstream: up, Registry: reg, verbs: map[string]*verb{}, complete: known != nil, quote: quote}
	t.unlisted = &verb{handling: commands.Share, known: true, unlisted: true} // to have no effect
	if known == nil {
		t.unlisted = &verb{handling: commands.Keep}
	}
	for name, c := range commands.All() {
		t.verbs[name] = listed(c, p)
	}
	for name, info := range known {
		v := t.verbs[name]
		if v == nil {
			v = unreviewed(name, info, p.RawLua)
			t.verbs[name] = v
		}
		v.learn(info)
	}
	for _, c := range reg.Commands() {
		t.addCustom(c)
	}
	t.setAsks()
	for _, name := range p.Share {
		t.amend(name, func(v *verb) { v.handling, v.op, v.refusal = commands.Share, commands.OpNone, "" })
	}
	for _, name := range p.Deny {
		t.amend(name, func(v *verb) {
			v.refusal = "-DENIED '" + printable(name) + "' is refused by the proxy's configuration (deny)\r\n"
			v.subs, v.rest = nil, nil
		})
	}
	for _, v := range t.verbs {
		v.seal()
	}
	t.index = commands.NewIndex(t.verbs)
	t.show(reg, known)
	return t
}

// addCustom adds a command of the registry, unless the upstream has it itself. An
// upstream's command of the same name that the registry does not know is shadowed.
func (t *Table) addCustom(c *commands.Custom) {
	base := t.verbs[c.Name()]
	switch {
	case c.Native(&t.Upstream) && base != nil:
	case !c.Extends():
		t.verbs[c.Name()] = &verb{handling: commands.Share, custom: c, known: true}
	case base != nil && base.refusal == "":
		base.more = &verb{handling: commands.Share, custom: c, known: true, base: base}
	}
}

// of is what a call of the command is that the scanner has just found at the start
// of b, as far as that depends on its arguments. Most calls of SET are told here,
// in passing.
func (v *verb) of(req *resp.Requests, b []byte) *verb {
	if v.more == nil || req.Argc() <= 3 {
		return v
	}
	if req.Argc() <= 5 && req.Args() > 3 && !v.more.custom.MayTake(req.Arg(b, 3)) {
		return v
	}
	return v.more
}

// listed makes the verb of a command on the reviewed list.
func listed(c *commands.Command, p Policy) *verb {
	v := &verb{handling: c.Handling, op: c.Op, lua: luaCalls[c.Name], strict: c.Name == "client"}
	switch c.Handling {
	case commands.Refuse:
		v.refusal = c.Refusal()
	case commands.Script:
		if p.RawLua || p.Vetted && v.lua != luaNone && v.lua != luaFunction {
			v.handling = commands.Pin
		} else {
			v.refusal = c.Refusal()
		}
	}
	if c.Subs != nil {
		v.subs = map[string]*verb{}
		for name, sub := range c.Subs {
			v.subs[name] = listed(sub, p)
		}
		v.rest = listed(c.Sub(nil), p)
	}
	return v
}

// unreviewed makes the verb of a command that the upstream has and our list has
// not. Whatever its flags say, it may leave state on its connection. One that
// runs scripts is a renamed EVAL, or a newer one.
func unreviewed(name string, info control.Info, rawLua bool) *verb {
	v := &verb{handling: commands.Keep}
	if info.Scripting && !rawLua {
		v.refusal = "-DENIED '" + printable(name) + "' runs scripts of the client's own; use a custom command, or have raw_lua set\r\n"
	}
	return v
}

// learn adds what the upstream's COMMAND says.
func (v *verb) learn(info control.Info) {
	v.known, v.arity, v.noAuth, v.readOnly = true, info.Arity, info.NoAuth, info.ReadOnly && !info.Write
	v.write = info.Write || info.Scripting
	if len(info.Subs) == 0 || v.rest == nil {
		return
	}
	for name, sub := range info.Subs {
		if v.subs[name] == nil {
			s := *v.rest
			v.subs[name] = &s
		}
		v.subs[name].learn(sub)
	}
	if v.rest.handling == commands.Keep && !v.strict {
		// The upstream lists its subcommands: any other has no effect but an error.
		v.rest = &verb{handling: commands.Share, known: true, unlisted: true}
	}
}

// amend changes the verb of a name or of a name and subcommand, "config|set".
func (t *Table) amend(name string, change func(*verb)) {
	parent, sub, isSub := strings.Cut(strings.ToLower(name), "|")
	v := t.verbs[parent]
	if v == nil {
		v = &verb{handling: commands.Keep}
		t.verbs[parent] = v
	}
	if !isSub {
		change(v)
		return
	}
	if v.subs == nil {
		rest := *v
		v.subs, v.rest = map[string]*verb{}, &rest
	}
	s := v.subs[sub]
	if s == nil {
		c := *v.rest
		s = &c
		v.subs[sub] = s
	}
	change(s)
}

// longestName is longer than the name of every subcommand.
const longestName = 64

// lookup finds the verb of a name in any letter case.
func (t *Table) lookup(name []byte) *verb {
	if v, ok := t.index.Find(name); ok {
		return v
	}
	return t.unlisted
}

// sub finds the verb of a container's subcommand.
func (v *verb) sub(name []byte) *verb {
	var low [longestName]byte
	if s := v.subs[string(fold(low[:0], name))]; s != nil {
		return s
	}
	return v.rest
}

// fold lowers ASCII letters; of a name too long to be in any table it returns
// what is in none either.
func fold(dst, name []byte) []byte {
	if len(name) > cap(dst) {
		return dst
	}
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// Repeatable tells for how long running the command again does no harm: always if
// it only reads, by the upstream's own word, and does not go on from a cursor,
// which another primary would not know; for ONCE as long as its token surely
// lives.
func (t *Table) Repeatable(frame []byte) time.Duration {
	c, ok := parse(frame)
	if !ok {
		return 0
	}
	v := t.lookup(c.arg(0))
	if v.subs != nil && c.argc > 1 {
		v = v.sub(c.arg(1))
	}
	reads := v.readOnly
	switch v.op {
	case commands.OpSelect, commands.OpAuth, commands.OpHello, commands.OpClientID, commands.OpClientGetName,
		commands.OpClientSetName, commands.OpClientSetInfo:
		reads = true // a second time they lead to the same
	case commands.OpScan:
		cursor := 1
		if !bytes.EqualFold(c.arg(0), []byte("scan")) {
			cursor = 2
		}
		reads = reads && bytes.Equal(c.arg(cursor), []byte("0"))
	}
	if reads || v.ask != askNone && v.ask != askProxy { // the upstream flags COMMAND as neither
		return upstream.Always
	}
	return max(t.Registry.TokenTime(c.args(nil))-tokenMargin, 0)
}

// tokenMargin is the time that a token is held for shorter lived than it is: for
// what a command takes on its way.
const tokenMargin = 500 * time.Millisecond

// printable keeps a configured name from breaking a reply's line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
