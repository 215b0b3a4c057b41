package session

import (
	"bytes"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
	"github.com/atomicproxy/atomicproxy/proxy/upstream/control"
)

// COMMAND and its subcommands tell a client what it may send. The upstream judges
// and answers them; of its answer is left out what this proxy refuses, and what
// it adds is put in.

// ask is what a command asks about the commands there are.
type ask uint8

const (
	askNone     ask = iota
	askAll          // COMMAND
	askInfo         // COMMAND INFO
	askCount        // COMMAND COUNT
	askList         // COMMAND LIST
	askDocs         // COMMAND DOCS
	askKeys         // COMMAND GETKEYS
	askKeyFlags     // COMMAND GETKEYSANDFLAGS
	askProxy        // PROXY and its subcommands
)

// shown is what clients are told besides the upstream's own commands.
type shown struct {
	list   []*commands.Description          // in the order of their names, without what policy refuses
	ours   map[string]*commands.Description // the same and their subcommands, by name
	delta  int                              // what they and what is refused change in COMMAND COUNT
	fields int                              // of an entry of COMMAND, where no entry tells
	noACL  bool                             // the upstream lists SLOWLOG, but no ACL
}

// setAsks marks the commands that are answered from the table.
func (t *Table) setAsks() {
	v := t.verbs["command"]
	v.ask = askAll
	for name, a := range map[string]ask{"info": askInfo, "count": askCount, "list": askList, "docs": askDocs,
		"getkeys": askKeys, "getkeysandflags": askKeyFlags} {
		v.subs[name].ask = a
	}
	t.verbs["proxy"] = &verb{handling: commands.Share, ask: askProxy, known: true, arity: -2}
}

// show works out what clients are told, once policy has had its say.
func (t *Table) show(reg *commands.Registry, known map[string]control.Info) {
	s := &t.shown
	s.ours, s.fields = map[string]*commands.Description{}, 10
	add := func(d *commands.Description) {
		if t.hides([]byte(d.Name)) {
			return
		}
		all := d.Subs
		d.Subs = nil
		for _, sub := range all {
			if !t.hides([]byte(sub.Name)) {
				d.Subs = append(d.Subs, sub)
			}
		}
		s.list = append(s.list, d)
		d.Each(func(d *commands.Description) { s.ours[d.Name] = d })
	}
	proxy := commands.DescribeProxy()
	for _, c := range reg.Commands() {
		if t.Native(c.Name()) {
			continue // the upstream describes it
		}
		if proxy != nil && c.Name() > proxy.Name {
			add(proxy)
			proxy = nil
		}
		add(c.Describe())
	}
	if proxy != nil {
		add(proxy)
	}
	s.delta = len(s.list)
	subs := known == nil
	for name, info := range known {
		if s.ours[name] != nil || t.hides([]byte(name)) {
			s.delta--
		}
		subs = subs || info.Subs != nil
	}
	if !subs {
		s.fields = 7 // subcommands came with 7.0
	}
	_, slowlog := known["slowlog"]
	_, acl := known["acl"]
	s.noACL = slowlog && !acl
}

// hides reports whether the command, "get" or "config|set", is refused by policy.
func (t *Table) hides(name []byte) bool {
	parent, sub, isSub := bytes.Cut(name, []byte("|"))
	v := t.lookup(parent)
	if isSub && v.subs != nil {
		v = v.sub(sub)
	}
	return v.refusal != ""
}

// description finds a command of the proxy's own, in any letter case.
func (t *Table) description(name []byte) *commands.Description {
	return t.shown.ours[strings.ToLower(string(name))]
}

// Native reports whether the command passes to the upstream, which has it.
func (t *Table) Native(name string) bool {
	v := t.verbs[name]
	return v != nil && v.known && v.custom == nil && v.ask != askProxy
}

// template is a name that every server describes. It is asked for along with
// ours, which the upstream does not know: from its entry it is seen how this very
// server writes one.
var template = []byte("get")

// askTable sends a command about commands. The command that goes up tells what
// was asked, so nothing has to be kept until the reply.
func (s *Session) askTable(v *verb, c *command) bool {
	if s.raw || s.mayBeInMulti() {
		return s.forward(v, c)
	}
	frame, tag := c.frame, tagTable
	args := c.args(nil)
	switch v.ask {
	case askInfo, askDocs:
		for _, name := range args[2:] {
			if s.env.Table.description(name) != nil {
				frame, tag = resp.AppendCommand(nil, append(args, template)...), tagTableMore
				break
			}
		}
	case askKeys, askKeyFlags:
		if c.argc > 2 && s.env.Table.description(args[2]) != nil {
			// The upstream says whether the user may ask. It echoes the question, as
			// the key of a GET.
			frame, tag = resp.AppendCommand(nil, args[0], args[1], template, c.frame), tagTableMore
		}
	}
	return s.send(frame, upstream.Whole, tag)
}

// answered makes of the upstream's reply to a command about commands the
// client's. more: the frame is not the client's own, see askTable.
func (t *Table) answered(reply, frame []byte, more, resp3 bool) []byte {
	args := resp.AppendArgs(nil, frame)
	v := t.lookup(args[0])
	if v.subs != nil && len(args) > 1 {
		v = v.sub(args[1])
	}
	if reply[0] == '-' || v.ask == askNone {
		return reply
	}
	m := merge{t: t, reply: reply, more: more, resp3: resp3}
	if more {
		args = args[:len(args)-1]
	}
	switch v.ask {
	case askCount:
		return m.count()
	case askList:
		return m.list(args[2:])
	case askDocs:
		return m.docs(args[2:])
	case askKeys, askKeyFlags:
		if !more {
			return reply
		}
		question := resp.AppendArgs(nil, resp.AppendArgs(nil, frame)[3])
		return m.keys(question[2:], v.ask == askKeyFlags)
	case askInfo:
		return m.info(args[2:])
	}
	return m.info(nil)
}
