package session

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
)

const (
	noKeyArguments = "-ERR The command has no key arguments\r\n"
	wrongArity     = "-ERR Invalid number of arguments specified for command\r\n"
	wrongArguments = "-ERR Invalid arguments specified for command\r\n"
	// noSubcommand is the answer where the upstream's, which is no error, is
	// none to this question: clients then do as with a server before 7.0.
	noSubcommand = "-ERR Unknown subcommand or wrong number of arguments for '%'. Try COMMAND HELP.\r\n"
)

// merge makes one reply out of the upstream's and what the table adds and hides.
type merge struct {
	t     *Table
	reply []byte
	more  bool // the last element is that of the template
	resp3 bool // the session's protocol
}

// info merges entries of COMMAND: of the names, one for each, or all.
func (m *merge) info(names [][]byte) []byte {
	_, entries, ok := parts(m.reply)
	if !ok || len(names) == 0 && len(entries) == 0 { // COMMAND INFO, before 7.0
		return m.reply
	}
	form := m.form(entries)
	var out [][]byte
	if len(names) == 0 {
		for _, e := range entries {
			if e = m.entry(e); e != nil {
				out = append(out, e)
			}
		}
		for _, d := range m.t.shown.list {
			out = append(out, d.AppendInfo(nil, form))
		}
		return joined('*', out)
	}
	if m.more && len(entries) == len(names)+1 {
		entries = entries[:len(names)]
	}
	if len(entries) != len(names) { // a stand-in for a server that always gives its whole table
		entries = pick(entries, names)
	}
	for i, name := range names {
		e := entries[i]
		d := m.t.description(name)
		switch {
		case d != nil && (form.Fields == 10 || !strings.Contains(d.Name, "|")):
			e = d.AppendInfo(nil, form)
		case d == nil && e != nil:
			e = m.entry(e)
		}
		if e == nil {
			e = m.null()
		}
		out = append(out, e)
	}
	return joined('*', out)
}

// pick finds each name's entry; nil where there is none.
func pick(entries, names [][]byte) [][]byte {
	out := make([][]byte, len(names))
	for _, e := range entries {
		if _, fields, ok := parts(e); ok && len(fields) > 0 {
			for i, name := range names {
				if bytes.EqualFold(word(fields[0]), name) {
					out[i] = e
				}
			}
		}
	}
	return out
}

// entry is an upstream's entry as clients may see it; nil: not at all.
func (m *merge) entry(e []byte) []byte {
	_, fields, ok := parts(e)
	if !ok || len(fields) == 0 {
		return e
	}
	name := word(fields[0])
	if m.t.hides(name) || m.t.description(name) != nil {
		return nil
	}
	if len(fields) < 10 || m.t.lookup(name).subs == nil {
		return e
	}
	kind, subs, ok := parts(fields[9])
	if !ok {
		return e
	}
	var kept [][]byte
	for _, s := range subs {
		_, f, ok := parts(s)
		if !ok || len(f) == 0 || !m.t.hides(word(f[0])) {
			kept = append(kept, s)
		}
	}
	if len(kept) == len(subs) {
		return e
	}
	fields[9] = joined(kind, kept)
	return joined('*', fields)
}

// form reads off the first entry how this server writes one.
func (m *merge) form(entries [][]byte) commands.Form {
	f := commands.Form{RESP3: m.resp3, Fields: m.t.shown.fields, SubsSet: true}
	for _, e := range entries {
		kind, fields, ok := parts(e)
		if !ok || kind != '*' || len(fields) < 6 {
			continue
		}
		f.RESP3 = fields[2][0] == '~'
		f.Fields = min(len(fields), 10)
		f.SubsSet = len(fields) < 10 || fields[9][0] == '~'
		break
	}
	return f
}

func (m *merge) null() []byte {
	if m.resp3 {
		return []byte("_\r\n")
	}
	return []byte("$-1\r\n")
}

// docs merges names and documentations: of those asked for, in their order, or
// all.
func (m *merge) docs(names [][]byte) []byte {
	kind, pairs, ok := parts(m.reply)
	if !ok || len(pairs)%2 != 0 || len(pairs) > 0 && word(pairs[0]) == nil {
		return []byte(strings.Replace(noSubcommand, "%", "DOCS", 1))
	}
	form := commands.Form{RESP3: kind == '%', DisplayText: bytes.Contains(m.reply, []byte("$12\r\ndisplay_text\r\n"))}
	if n := len(pairs); m.more && n > 0 && bytes.Equal(word(pairs[n-2]), template) {
		pairs = pairs[:n-2]
	}
	var out [][]byte
	take := func() {
		if name := word(pairs[0]); !m.t.hides(name) && m.t.description(name) == nil {
			out = append(out, pairs[0], m.doc(name, pairs[1]))
		}
		pairs = pairs[2:]
	}
	for _, name := range names {
		if d := m.t.description(name); d != nil {
			out = append(out, d.AppendDocs(nil, form), nil)
		}
		if len(pairs) > 0 && bytes.EqualFold(word(pairs[0]), name) {
			take()
		}
	}
	if len(names) == 0 {
		for len(pairs) > 0 {
			take()
		}
		for _, d := range m.t.shown.list {
			out = append(out, d.AppendDocs(nil, form), nil)
		}
	}
	return joined(kind, out)
}

// doc is the documentation of a command without subcommands that are refused.
func (m *merge) doc(name, doc []byte) []byte {
	if m.t.lookup(name).subs == nil {
		return doc
	}
	kind, fields, ok := parts(doc)
	for i := 0; ok && i+1 < len(fields); i += 2 {
		if string(word(fields[i])) != "subcommands" {
			continue
		}
		subKind, subs, ok := parts(fields[i+1])
		if !ok || len(subs)%2 != 0 {
			return doc
		}
		var kept [][]byte
		for j := 0; j < len(subs); j += 2 {
			if !m.t.hides(word(subs[j])) {
				kept = append(kept, subs[j], subs[j+1])
			}
		}
		if len(kept) == len(subs) {
			return doc
		}
		fields[i+1] = joined(subKind, kept)
		return joined(kind, fields)
	}
	return doc
}

// list merges names, those that a filter selects: FILTERBY kind value.
func (m *merge) list(filter [][]byte) []byte {
	kind, names, ok := parts(m.reply)
	if !ok || kind == '%' || len(names) > 0 && word(names[0]) == nil || len(filter) != 0 && len(filter) != 3 {
		return []byte(strings.Replace(noSubcommand, "%", "LIST", 1))
	}
	var out [][]byte
	for _, n := range names {
		if name := word(n); !m.t.hides(name) && m.t.description(name) == nil {
			out = append(out, n)
		}
	}
	for _, top := range m.t.shown.list {
		top.Each(func(d *commands.Description) {
			selected := len(filter) == 0
			if !selected {
				selected, _ = d.Selected(string(filter[1]), string(filter[2]))
			}
			if selected {
				out = append(out, appendBulk(nil, []byte(d.Name)))
			}
		})
	}
	return joined(kind, out)
}

// count corrects the number of commands.
func (m *merge) count() []byte {
	n, err := strconv.Atoi(string(bytes.TrimSuffix(m.reply[1:], []byte("\r\n"))))
	if m.reply[0] != ':' || err != nil {
		_, entries, ok := parts(m.reply)
		if !ok {
			return m.reply
		}
		n = len(entries) // a stand-in's whole table
	}
	return append(strconv.AppendInt([]byte{':'}, int64(n+m.t.shown.delta), 10), "\r\n"...)
}

// keys answers COMMAND GETKEYS for a command of the proxy's own, with Redis's
// errors in Redis's order.
func (m *merge) keys(args [][]byte, flags bool) []byte {
	d := m.t.description(args[0])
	switch {
	case d == nil || len(d.Keys) == 0:
		return []byte(noKeyArguments)
	case d.Arity > 0 && len(args) != d.Arity, d.Arity < 0 && len(args) < -d.Arity:
		return []byte(wrongArity)
	}
	keys, ok := d.FindKeys(args)
	if !ok {
		return []byte(wrongArguments)
	}
	set := byte('*')
	if m.resp3 {
		set = '~'
	}
	var out [][]byte
	for _, k := range keys {
		elem := appendBulk(nil, k.Name)
		if flags {
			var words [][]byte
			for _, f := range k.Flags {
				words = append(words, []byte("+"+f+"\r\n"))
			}
			elem = joined('*', [][]byte{elem, joined(set, words)})
		}
		out = append(out, elem)
	}
	return joined('*', out)
}
