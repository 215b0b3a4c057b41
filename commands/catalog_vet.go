package commands

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/scripts/vet"
)

// Vet judges the scripts of a directory, or the embedded ones if dir is "". A directory is an operator's commands if one of
// its .json files describes a command, else an application's own scripts. The lock is not looked at. An error is about what
// kept a script from being judged at all.
func Vet(dir string) ([]vet.Finding, error) {
	settings := Settings{PurgeMaxScan: 1, PurgeLimit: 1}
	if dir == "" {
		r, err := open(Sources{}, settings)
		if err != nil {
			return nil, err
		}
		return r.findings(nil), nil
	}
	f, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	files := newLayers(nil)
	apps := f
	if f.hasCommand() {
		files.own, apps = f, nil
		if err := files.collisions(); err != nil {
			return nil, err
		}
	}
	r, err := load(files, apps, settings)
	if err != nil {
		return nil, err
	}
	if apps != nil {
		return r.applicationFindings(), nil
	}
	return r.findings(r.isOwn), nil
}

// hasCommand tells a directory of commands from one of an application's scripts.
func (f *folder) hasCommand() bool {
	for _, file := range f.names(".json") {
		name := strings.ToUpper(strings.TrimSuffix(file, ".json"))
		if strings.Contains(string(f.files[file]), `"`+name+`"`) {
			return true
		}
	}
	return false
}

// vetted makes of what the vetter finds an error. What an operator has reviewed is not found again.
func (r *Registry) vetted() error {
	var all []error
	for _, f := range r.builtinFindings() {
		all = append(all, f)
	}
	for _, f := range r.findings(r.isOwn) {
		all = append(all, f)
	}
	for _, f := range r.applicationFindings() {
		all = append(all, fmt.Errorf("%w; or, if it is all right, say so in the .json beside it: \"reviewed\": \"who, and why\"", f))
	}
	return errors.Join(all...)
}

// isOwn reports whether a script is an operator's.
func (r *Registry) isOwn(name string) bool { return r.files.isOwn(name + ".lua") }

// findings vets the scripts of commands, those whose names are selected; nil: all.
func (r *Registry) findings(selected func(name string) bool) []vet.Finding {
	var out []vet.Finding
	seen := map[string]bool{}
	if selected == nil {
		selected = func(string) bool { return true }
	}
	for _, c := range r.Commands() {
		for _, s := range c.scripts() {
			if seen[s.name] || !selected(s.name) {
				continue
			}
			seen[s.name] = true
			out = append(out, vet.Check(r.toVet(c, s))...)
		}
	}
	if r.once != nil && selected("once") {
		out = append(out, r.once.findings()...)
	}
	return sorted(out)
}

func (r *Registry) applicationFindings() []vet.Finding {
	var out []vet.Finding
	for _, a := range r.apps {
		if !a.reviewed {
			out = append(out, vet.Check(&vet.Script{File: a.file, Text: withoutShebang(a.script.v[0].body)})...)
		}
	}
	return sorted(out)
}

func sorted(f []vet.Finding) []vet.Finding {
	slices.SortStableFunc(f, func(a, b vet.Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	return f
}

// withoutShebang empties a first line that is not Lua, so that all others keep their numbers.
func withoutShebang(text string) string {
	if !strings.HasPrefix(text, "#!") {
		return text
	}
	_, rest, _ := strings.Cut(text, "\n")
	return "\n" + rest
}

// toVet describes one script of a command to the vetter.
func (r *Registry) toVet(c *Custom, s *script) *vet.Script {
	lines, file := r.origins[s.name], r.files.where(s.name+".lua")
	v := &vet.Script{
		File: file, Text: s.v[0].body, ReadOnly: s.readOnly, Keyspace: c.spec.Keyspace, Args: c.vetArgs(), Declared: true, MaxKeys: c.maxKeys(),
		Origin: func(line int) (string, int) {
			if line < 1 || line > len(lines) {
				return file, line
			}
			if part := lines[line-1].Part; part != "" {
				return part, lines[line-1].Line
			}
			return file, lines[line-1].Line
		},
	}
	if c.steps != nil && (s == c.steps.remove || s == c.steps.match) { // see Steps.appendCall
		v.MaxKeys, v.Keyspace, v.Args = MaxStepKeys, false, v.Args[argType:argBounds]
		for i := range v.Args {
			v.Args[i].When = max(v.Args[i].When-argType, 0)
		}
	}
	return v
}

// maxKeys is how many keys a call may have; 0: as many as a command can have arguments.
func (c *Custom) maxKeys() int {
	n := 0
	for p := range c.grammar.args {
		a := &c.grammar.args[p]
		for i := range max(a.width, 1) {
			if a.valueKind(i) != kindKey {
				continue
			}
			if a.multiple {
				return 0
			}
			n++
		}
	}
	return n
}

// vetArgs tells what stands at the fixed places of ARGV: the mirror image of putArgv.
func (c *Custom) vetArgs() []vet.Arg {
	var out []vet.Arg
	add := func(a ...vet.Arg) { out = append(out, a...) }
	for p := range c.grammar.args {
		a := &c.grammar.args[p]
		least := int64(1)
		if a.optional {
			least = 0
		}
		switch {
		case a.skip:
		case a.kind == kindOneof:
			var numbers []string
			for n := least; n <= int64(len(a.children)); n++ {
				numbers = append(numbers, strconv.FormatInt(n, 10))
			}
			add(vet.Arg{Values: numbers})
			add(vet.Arg{When: len(out), Cases: a.alternatives()})
		case a.kind == kindToken:
			add(vet.Arg{Values: []string{"0", "1"}})
		case a.multiple:
			add(vet.Arg{Integer: true, Min: least, Max: maxArgv})
			return out // what follows has no fixed place
		case a.optional:
			add(vet.Arg{Values: []string{"0", "1"}})
			given := len(out)
			for _, v := range a.vetValues() {
				add(vet.Arg{When: given, Cases: []vet.Case{{Value: "1", Integer: v.Integer, Min: v.Min, Max: v.Max}}})
			}
		default:
			add(a.vetValues()...)
		}
	}
	for range c.settings {
		add(vet.Arg{Integer: true, Max: maxExact})
	}
	return out
}

// alternatives are the values of a oneof; those without a value are left out.
func (a *arg) alternatives() []vet.Case {
	var out []vet.Case
	for i := range a.children {
		v := &a.children[i]
		switch n := strconv.Itoa(i + 1); {
		case v.kind == kindToken:
		case v.kind == kindInteger:
			out = append(out, vet.Case{Value: n, Integer: true, Min: v.min, Max: v.max})
		case v.check == checkExpiry:
			out = append(out, vet.Case{Value: n, Integer: true, Min: 1, Max: math.MaxInt64 / expiryUnits[v.token].unit})
		default:
			out = append(out, vet.Case{Value: n})
		}
	}
	return out
}

// maxArgv is how many arguments a command has at most: Redis's limit below 7.0.
const maxArgv = 1 << 20

func (a *arg) vetValues() []vet.Arg {
	var out []vet.Arg
	for i := range a.width {
		v := a
		if a.kind == kindBlock {
			v = &a.children[i]
		}
		switch v.kind {
		case kindKey:
		case kindInteger:
			out = append(out, vet.Arg{Integer: true, Min: v.min, Max: v.max})
		default:
			out = append(out, vet.Arg{})
		}
	}
	return out
}
