package commands

import (
	"strconv"
	"strings"
)

// Form is how a server writes a command's description. It differs by protocol and version, so it is read off a reply of
// that very server.
type Form struct {
	RESP3       bool
	Fields      int  // of an entry of COMMAND: 6 before Redis 6, 7 before 7.0, else 10
	SubsSet     bool // with RESP3: the subcommands are a set (Redis, and Valkey before 9), not an array
	DisplayText bool // arguments without arguments of their own have a display_text (since 7.2)
}

// writer appends RESP values in one protocol.
type writer struct {
	b     []byte
	resp3 bool
}

func (w *writer) header(kind byte, n int) {
	w.b = append(strconv.AppendInt(append(w.b, kind), int64(n), 10), "\r\n"...)
}

func (w *writer) array(n int)   { w.header('*', n) }
func (w *writer) integer(n int) { w.header(':', n) }

func (w *writer) set(n int) {
	if w.resp3 {
		w.header('~', n)
	} else {
		w.header('*', n)
	}
}

// pairs begins a map of n pairs.
func (w *writer) pairs(n int) {
	if w.resp3 {
		w.header('%', n)
	} else {
		w.header('*', 2*n)
	}
}

func (w *writer) bulk(s string) {
	w.header('$', len(s))
	w.b = append(append(w.b, s...), "\r\n"...)
}

func (w *writer) status(s string) { w.b = append(append(append(w.b, '+'), s...), "\r\n"...) }

// statuses writes a set of words.
func (w *writer) statuses(prefix string, words []string) {
	w.set(len(words))
	for _, s := range words {
		w.status(prefix + s)
	}
}

// AppendInfo appends the command's entry as COMMAND and COMMAND INFO have it.
func (d *Description) AppendInfo(dst []byte, f Form) []byte {
	w := &writer{dst, f.RESP3}
	d.info(w, f)
	return w.b
}

func (d *Description) info(w *writer, f Form) {
	first, last, step := legacyRange(d.Keys)
	w.array(f.Fields)
	w.bulk(d.Name)
	w.integer(d.Arity)
	w.statuses("", d.Flags)
	w.integer(first)
	w.integer(last)
	w.integer(step)
	if f.Fields < 7 {
		return
	}
	w.statuses("@", d.Categories)
	if f.Fields < 10 {
		return
	}
	w.set(0) // no tips
	w.set(len(d.Keys))
	for i := range d.Keys {
		d.Keys[i].write(w)
	}
	if f.SubsSet {
		w.set(len(d.Subs))
	} else {
		w.array(len(d.Subs))
	}
	for _, s := range d.Subs {
		s.info(w, f)
	}
}

func (k *KeySpec) write(w *writer) {
	if k.Notes == "" {
		w.pairs(3)
	} else {
		w.pairs(4)
		w.bulk("notes")
		w.bulk(k.Notes)
	}
	w.bulk("flags")
	w.statuses("", k.Flags)
	w.bulk("begin_search")
	if k.Keyword == "" {
		w.spec("index", "index", k.Pos)
	} else {
		w.pairs(2)
		w.bulk("type")
		w.bulk("keyword")
		w.bulk("spec")
		w.pairs(2)
		w.bulk("keyword")
		w.bulk(k.Keyword)
		w.bulk("startfrom")
		w.integer(k.StartFrom)
	}
	w.bulk("find_keys")
	if k.KeyNum {
		w.spec("keynum", "keynumidx", k.KeyNumIdx, "firstkey", k.FirstKey, "keystep", k.Step)
	} else {
		w.spec("range", "lastkey", k.LastKey, "keystep", k.Step, "limit", k.Limit)
	}
}

// spec writes a part of a key specification: its type and its numbers by name.
func (w *writer) spec(kind string, fields ...any) {
	w.pairs(2)
	w.bulk("type")
	w.bulk(kind)
	w.bulk("spec")
	w.pairs(len(fields) / 2)
	for i := 0; i < len(fields); i += 2 {
		w.bulk(fields[i].(string))
		w.integer(fields[i+1].(int))
	}
}

// AppendDocs appends the command's name and its documentation, a pair of COMMAND DOCS. To Redis's fields it adds bound and
// retry, which clients that do not know them pass over.
func (d *Description) AppendDocs(dst []byte, f Form) []byte {
	w := &writer{dst, f.RESP3}
	d.docs(w, f)
	return w.b
}

func (d *Description) docs(w *writer, f Form) {
	w.bulk(d.Name)
	texts := [][2]string{{"summary", d.Summary}, {"since", d.Since}, {"group", d.Group}, {"complexity", d.Complexity},
		{"bound", d.Bound}, {"retry", d.Retry}}
	n := 0
	for _, t := range texts {
		if t[1] != "" {
			n++
		}
	}
	if len(d.Args) > 0 {
		n++
	}
	if len(d.Subs) > 0 {
		n++
	}
	w.pairs(n)
	for _, t := range texts {
		if t[1] != "" {
			w.bulk(t[0])
			w.bulk(t[1])
		}
	}
	if len(d.Args) > 0 {
		key := 0
		w.bulk("arguments")
		writeArgs(w, f, d.Args, len(d.Keys), &key)
	}
	if len(d.Subs) > 0 {
		w.bulk("subcommands")
		w.pairs(len(d.Subs))
		for _, s := range d.Subs {
			s.docs(w, f)
		}
	}
}

// writeArgs writes arguments. key counts the arguments that are keys: each belongs to the key spec of its turn.
func writeArgs(w *writer, f Form, args []ArgSpec, keys int, key *int) {
	w.array(len(args))
	for i := range args {
		writeArg(w, f, &args[i], keys, key)
	}
}

func writeArg(w *writer, f Form, a *ArgSpec, keys int, key *int) {
	var flags []string
	if a.Optional {
		flags = append(flags, "optional")
	}
	if a.Multiple {
		flags = append(flags, "multiple")
	}
	isKey := a.Type == "key" && *key < keys
	display := f.DisplayText && len(a.Arguments) == 0
	n := 2
	for _, has := range []bool{display, isKey, a.Token != "", a.Summary != "", len(flags) > 0, len(a.Arguments) > 0} {
		if has {
			n++
		}
	}
	w.pairs(n)
	w.bulk("name")
	w.bulk(a.Name)
	w.bulk("type")
	w.bulk(strings.ToLower(a.Type))
	if display {
		w.bulk("display_text")
		w.bulk(a.Name)
	}
	if isKey {
		w.bulk("key_spec_index")
		w.integer(*key)
		*key++
	}
	if a.Token != "" {
		w.bulk("token")
		w.bulk(a.Token)
	}
	if a.Summary != "" {
		w.bulk("summary")
		w.bulk(a.Summary)
	}
	if len(flags) > 0 {
		w.bulk("flags")
		w.statuses("", flags)
	}
	if len(a.Arguments) > 0 {
		w.bulk("arguments")
		writeArgs(w, f, a.Arguments, keys, key)
	}
}
