package commands

import (
	"fmt"
	"strings"
)

// Where the upstream has a command itself, it passes untouched; where it has only a sibling, the call is translated; where
// it has the command without one of its options (SET without IFEQ), only the calls with that option are ours.

// Probe is something that an upstream may have itself.
type Probe struct {
	Command string // lower case
	Token   string // upper case: an option of the command; "": the command
}

// maxProbes is how many fit in Upstream.Native.
const maxProbes = 64

// Probes returns what is to be asked of an upstream, for Native.
func (r *Registry) Probes() []Probe { return r.probes }

// Native makes the value of Upstream.Native from the answers to Probes.
func (r *Registry) Native(has func(Probe) bool) uint64 {
	bits := uint64(0)
	for i, p := range r.probes {
		if has(p) {
			bits |= 1 << i
		}
	}
	return bits
}

// Native reports whether the upstream has the whole command itself.
func (c *Custom) Native(up *Upstream) bool { return c.native != 0 && up.Native&c.native == c.native }

// Extends reports whether the command is one that every server has, of which only the calls with some options are ours.
func (c *Custom) Extends() bool { return len(c.extends) > 0 }

// Takes reports whether a call of a command that Extends is ours, args[0] being the name: it has one of the options that
// the upstream lacks. All other calls are the upstream's to judge. It does not allocate.
func (c *Custom) Takes(args [][]byte, up *Upstream) bool {
	g := c.grammar
	for i := 1 + g.positional; i < len(args); i++ {
		p := g.option(args[i])
		if p < 0 {
			continue
		}
		for _, x := range c.extends {
			if up.Native&x.bit == 0 && tokenIs(args[i], x.token) {
				return true
			}
		}
		i += g.args[p].taken(args[i])
	}
	return false
}

// MayTake reports whether a call whose first option is that word may be ours. With one argument more, at most, it is not if
// the word is none of the options that the command extends: the last argument alone is at best an option without its value,
// which is an error everywhere.
func (c *Custom) MayTake(word []byte) bool {
	for _, x := range c.extends {
		if tokenIs(word, x.token) {
			return true
		}
	}
	return false
}

// taken is how many values follow the option's word.
func (a *arg) taken(word []byte) int {
	if a.kind != kindOneof {
		return a.width
	}
	for c := range a.children {
		if tokenIs(word, a.children[c].token) {
			return a.children[c].width
		}
	}
	return 0
}

// extension is an option that makes a call ours where the upstream lacks it.
type extension struct {
	token string
	bit   uint64
}

// translation turns a call into one of a command that the upstream has.
type translation struct {
	bit   uint64
	name  string
	given []choice // the options that the call must have, and no others
	parts []part
}

// part is one argument of the translated call: a word, or an argument of the call.
type part struct {
	word string
	arg  int // index; -1: word
}

// probe returns the bit of a probe, which it adds if it is new.
func (l *loader) probe(p Probe) (uint64, error) {
	for i, q := range l.probes {
		if p == q {
			return 1 << i, nil
		}
	}
	if len(l.probes) == maxProbes {
		return 0, fmt.Errorf("more than %d commands to look for", maxProbes)
	}
	l.probes = append(l.probes, p)
	return 1 << (len(l.probes) - 1), nil
}

// compileNative compiles what the specification says of upstreams that have the command, or something like it.
func (l *loader) compileNative(c *Custom) (err error) {
	for _, token := range c.spec.Extends {
		p := c.grammar.optionOf(token)
		if p < 0 {
			return fmt.Errorf("extends: no option has the token %q", token)
		}
		bit, err := l.probe(Probe{c.name, token})
		if err != nil {
			return err
		}
		c.extends = append(c.extends, extension{token, bit})
		c.native |= bit
	}
	if len(c.spec.Native) > 0 && c.native == 0 {
		if c.native, err = l.probe(Probe{c.name, ""}); err != nil {
			return err
		}
	}
	for _, t := range c.spec.Translations {
		compiled, err := l.translation(c, t)
		if err != nil {
			return fmt.Errorf("translations: %w", err)
		}
		c.translations = append(c.translations, compiled)
	}
	return nil
}

func (l *loader) translation(c *Custom, t Translation) (translation, error) {
	out := translation{name: strings.ToUpper(t.Command)}
	var err error
	if !t.Everywhere {
		if out.bit, err = l.probe(Probe{strings.ToLower(t.Command), ""}); err != nil {
			return out, err
		}
	}
	if out.given, err = c.grammar.choices(t.Given); err != nil {
		return out, err
	}
	for _, word := range t.Args {
		p, a := c.named(word)
		if p < 0 && word != strings.ToUpper(word) {
			return out, fmt.Errorf("no argument is named %q", word)
		}
		if p >= 0 && (a.width != 1 || a.multiple) {
			return out, fmt.Errorf("argument %q is not a single value", word)
		}
		out.parts = append(out.parts, part{word, p})
	}
	return out, nil
}

// named finds an argument, or an alternative of one, by its name: the argument's index and what has the name; -1: nothing.
func (c *Custom) named(name string) (index int, a *arg) {
	for i := range c.spec.Arguments {
		if c.spec.Arguments[i].Name == name {
			return i, &c.grammar.args[i]
		}
		for k := range c.spec.Arguments[i].Arguments {
			if c.spec.Arguments[i].Arguments[k].Name == name && c.grammar.args[i].kind == kindOneof {
				return i, &c.grammar.args[i].children[k]
			}
		}
	}
	return -1, nil
}

// translate appends the call of the upstream's own command that does the same, if there is one.
func (c *Custom) translate(dst []byte, args [][]byte, f *[maxArgs]found, up *Upstream) (out []byte, done bool) {
	if len(c.translations) == 0 || up == nil {
		return dst, false
	}
	given := 0
	for p := c.grammar.positional; p < len(c.grammar.args); p++ {
		if f[p].alt != 0 {
			given++
		}
	}
	for i := range c.translations {
		t := &c.translations[i]
		if up.Native&t.bit != t.bit || given != len(t.given) || !allChosen(t.given, f) {
			continue
		}
		w := frame{dst: dst}
		w.array(1 + len(t.parts))
		w.text(t.name)
		for _, p := range t.parts {
			if p.arg < 0 {
				w.text(p.word)
			} else {
				w.bulk(args[f[p.arg].at])
			}
		}
		return w.dst, true
	}
	return dst, false
}
