package commands

import (
	"slices"
	"strconv"
)

// Upstream is what the control plane found out about a server, as far as calls of scripts depend on it.
type Upstream struct {
	Scripts      bool   // the catalogue is loaded
	Unknown      bool   // nothing is known yet: the upstream has not answered
	Reason       string // why not; one line, shown to clients
	Shebang      bool   // takes "#!lua flags=..." before a script
	ACLCheck     bool   // has redis.acl_check_cmd (scripts look for it themselves)
	ReadOnlyEval bool   // has EVALSHA_RO
	Native       uint64 // what it has itself of what Registry.Probes names, by Registry.Native
}

// Call says how a rewritten command is to be treated.
type Call struct {
	ReadOnly bool   // writes nothing: may be sent again, and to a replica
	Gate     bool   // scans the keyspace: one at a time per upstream and db
	SHA      string // of the script that it calls; "": it calls a command of the upstream's own
	Pass     bool   // nothing was rewritten: the call is to go up as it is
	Steps    *Steps // nothing was rewritten: the call is to be carried out in steps
}

// Rewrite checks a call of the command, args[0] being its name, and appends the complete EVALSHA frame to dst, or that of
// the upstream's own command which does the same. If it returns an error, dst comes back as it was. It does not allocate, except to grow dst and for an error that quotes.
func (c *Custom) Rewrite(dst []byte, args [][]byte, up *Upstream) (out []byte, call Call, err *Error) {
	return c.RewriteFor(dst, args, up, 2)
}

// RewriteFor is Rewrite for a client that speaks that version of the protocol: ONCE gives a recorded reply in the asker's.
func (c *Custom) RewriteFor(dst []byte, args [][]byte, up *Upstream, proto int) (out []byte, call Call, err *Error) {
	if c.once != nil {
		return c.once.rewrite(c, dst, args, up, proto)
	}
	if c.Extends() && (up == nil || !c.Takes(args, up)) {
		return dst, Call{Pass: true}, nil
	}
	var f [maxArgs]found
	if err := c.find(args, &f); err != nil {
		return dst, Call{}, err
	}
	if out, done := c.translate(dst, args, &f, up); done {
		return out, Call{}, nil
	}
	if up == nil || !up.Scripts {
		return dst, Call{}, notAvailable(up)
	}
	if plan := c.plan(args, &f); plan != nil {
		return dst, Call{ReadOnly: plan.DryRun, Steps: plan}, nil
	}
	s := c.script
	for p := range c.grammar.args {
		if a := &c.grammar.args[p]; a.selects != nil && f[p].alt != 0 {
			s = a.selects
		}
	}

	keys := frame{counting: true}
	c.putKeys(&keys, args, &f)
	argv := frame{counting: true}
	c.putArgv(&argv, args, &f)

	w := frame{dst: dst}
	w.call(s, up, keys.n+argv.n)
	w.number(int64(keys.n))
	c.putKeys(&w, args, &f)
	c.putArgv(&w, args, &f)
	return w.dst, Call{ReadOnly: s.readOnly, Gate: c.spec.Keyspace, SHA: s.variant(up).sha}, nil
}

// find checks a call and finds its arguments.
func (c *Custom) find(args [][]byte, f *[maxArgs]found) *Error {
	if !arityAllows(c.arity, len(args)) {
		return c.arityErr
	}
	if len(c.spec.Arities) > 0 && !slices.Contains(c.spec.Arities, len(args)) {
		return c.grammar.badCount
	}
	err, complete := c.grammar.parse(args, f, c.allowAny)
	if !complete {
		return c.arityErr
	}
	return err
}

func notAvailable(up *Upstream) *Error {
	if up != nil && up.Unknown {
		return &Error{Text: "UNAVAILABLE the upstream has not answered yet; the command was not sent"}
	}
	text := "NOSUPPORT custom commands are not available"
	if up != nil && up.Reason != "" {
		text += ": " + escaped([]byte(up.Reason), 512)
	}
	return &Error{Text: text}
}

// putKeys puts the arguments that are keys.
func (c *Custom) putKeys(w *frame, args [][]byte, f *[maxArgs]found) {
	for p := range c.grammar.args {
		a := &c.grammar.args[p]
		if f[p].alt == 0 || a.kind != kindKey && a.kind != kindBlock {
			continue
		}
		for i, end := int(f[p].at), int(f[p].at)+a.width*int(f[p].reps); i < end; i++ {
			if a.valueKind(i-int(f[p].at)) == kindKey {
				w.bulk(args[i])
			}
		}
	}
}

// putArgv puts all other arguments, in the order in which they are declared, and the settings.
//   - required: its value
//   - optional: "1" and its value, or "0" and ""
//   - a word without a value: "1" or "0"
//   - oneof: the number of the alternative, from 1, and its value, "" if it has none; "0" and "" if it is not given
//   - multiple: how many, and the values
//
// A key's value is in KEYS and not here; the rest stands.
func (c *Custom) putArgv(w *frame, args [][]byte, f *[maxArgs]found) {
	for p := range c.grammar.args {
		a := &c.grammar.args[p]
		switch {
		case a.skip:
		case a.kind == kindOneof:
			w.number(int64(f[p].alt))
			if f[p].alt == 0 || a.children[f[p].alt-1].kind == kindToken {
				w.text("")
			} else {
				w.value(&a.children[f[p].alt-1], args[f[p].at])
			}
		case a.kind == kindToken:
			w.number(int64(f[p].alt))
		default:
			if a.multiple {
				w.number(int64(f[p].reps))
			} else if a.optional {
				w.number(int64(f[p].alt))
			}
			c.putValues(w, a, args, f[p])
		}
	}
	for _, s := range c.settings {
		w.text(s)
	}
}

func (c *Custom) putValues(w *frame, a *arg, args [][]byte, f found) {
	if f.alt == 0 {
		for i := 0; !a.multiple && i < a.width; i++ {
			if a.valueKind(i) != kindKey {
				w.text("")
			}
		}
		return
	}
	for i := range a.width * int(f.reps) {
		if a.valueKind(i) == kindKey {
			continue
		}
		v := a
		if a.kind == kindBlock {
			v = &a.children[i%a.width]
		}
		w.value(v, args[int(f.at)+i])
	}
}

// valueKind is the kind of an argument's i-th value.
func (a *arg) valueKind(i int) kind {
	if a.kind == kindBlock {
		return a.children[i%a.width].kind
	}
	return a.kind
}

// frame appends bulk strings, or only counts them.
type frame struct {
	dst      []byte
	n        int
	counting bool
}

// call begins the frame of a script's call that has n keys and arguments beside their number.
func (w *frame) call(s *script, up *Upstream, n int) {
	w.array(n + 3)
	if s.readOnly && up.ReadOnlyEval {
		w.text("EVALSHA_RO")
	} else {
		w.text("EVALSHA")
	}
	w.text(s.variant(up).sha)
}

func (w *frame) array(n int) {
	w.dst = append(w.dst, '*')
	w.dst = strconv.AppendInt(w.dst, int64(n), 10)
	w.dst = append(w.dst, '\r', '\n')
}

func (w *frame) header(n int) {
	w.dst = append(w.dst, '$')
	w.dst = strconv.AppendInt(w.dst, int64(n), 10)
	w.dst = append(w.dst, '\r', '\n')
}

func (w *frame) bulk(b []byte) {
	if w.counting {
		w.n++
		return
	}
	w.header(len(b))
	w.dst = append(append(w.dst, b...), '\r', '\n')
}

func (w *frame) text(s string) {
	if w.counting {
		w.n++
		return
	}
	w.header(len(s))
	w.dst = append(append(w.dst, s...), '\r', '\n')
}

func (w *frame) number(n int64) {
	var buf [20]byte
	w.bulk(strconv.AppendInt(buf[:0], n, 10))
}

// value puts an argument in the form that the script takes.
func (w *frame) value(a *arg, b []byte) {
	switch {
	case a.check == checkPrefix && !w.counting:
		w.header(prefixPatternLen(b))
		w.dst = append(appendPrefixPattern(w.dst, b), '\r', '\n')
	case a.check == checkType && builtinType(b) != "":
		w.text(builtinType(b))
	default:
		w.bulk(b)
	}
}

// arityAllows reports whether a call may have n arguments, the name among them: an arity below 0 is a minimum.
func arityAllows(arity, n int) bool {
	if arity < 0 {
		return n >= -arity
	}
	return n == arity
}
