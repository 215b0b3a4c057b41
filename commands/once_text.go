package commands

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/atomicproxy/atomicproxy/scripts"
	"github.com/atomicproxy/atomicproxy/scripts/vet"
)

// onceText is the text that runs one command behind ONCE.
type onceText struct {
	script *script
	lines  []scripts.Line // where each line came from
	custom string         // whose script is in it; "": a command of the servers' own

	// Bounds of what Rewrite puts into KEYS and ARGV, for the vetter.
	minKeys, maxKeys, minArgs, maxArgs int
}

// loadOnce makes the texts, once all commands are there.
//
// Each is scripts/once.lua with its two blanks filled: how the reply looks in RESP3, and the command. A command of the
// servers' own is one call, written out with its keys where the command has them; the vetter judges that text as any other.
// A custom command's script stands in a function of its own, byte for byte the text that was vetted by itself. There the
// vetter judges all that is around it, and takes the function for what it showed of the script: it either returns an error
// and has written nothing, or returns anything else. What makes the two fit is done here: the function gets copies of the
// command's own KEYS and ARGV and none of the token's, and Rewrite refuses a command that has the token's key among its own.
// (Without the function, the script's returns would have to be found and changed in its text, and then what runs would no
// longer be what was vetted by itself.)
func (l *loader) loadOnce(r *Registry) error {
	c := r.byName["once"]
	if c == nil {
		return nil
	}
	o := &once{registry: r, natives: onceNatives(), texts: map[string]*onceText{}, bySHA: map[string]bool{}, errs: l.errs}
	o.badToken = l.errs.add("ERR a token has 1 to 512 bytes")
	o.tooMany = l.errs.add("LIMIT ONCE takes commands of at most 4000 arguments; nothing was executed")
	o.brace = l.errs.add("ERR ONCE can't put its token beside a key with such braces: it would be in another slot")
	o.tokenKey = l.errs.add("ERR ONCE can't take a command whose keys include the one that is to hold the token")
	o.notTaken = l.errs.add("ERR ONCE does not take this command")
	for name, n := range o.natives {
		effect, err := n.effect(strings.Fields(name)[0])
		if err != nil {
			return err
		}
		t := &onceText{minKeys: n.leastKeys() + 1, maxKeys: onceMaxArgs, maxArgs: 3 + onceMaxArgs}
		t.minArgs = 3 + max(n.leastArgs(), 0)
		switch {
		case n.keynum > 0:
			t.maxArgs = 3 + onceOptions
		case n.step == 2:
			t.maxKeys = onceMaxArgs/2 + 1
		}
		if err := l.onceText(o, name, t, n.shape, effect, n.frees); err != nil {
			return err
		}
	}
	for name, custom := range r.byName {
		if !custom.onceable() {
			continue
		}
		effect, err := onceScript(custom.script.v[0].body)
		if err != nil {
			return err
		}
		frees := !slices.Contains(custom.spec.CommandFlags, "DENYOOM")
		t := &onceText{custom: name, minKeys: 2, maxKeys: onceMaxArgs, minArgs: 3}
		if err := l.onceText(o, "custom "+name, t, "plain", effect, frees); err != nil {
			return err
		}
	}
	c.once = o
	r.once = o
	return nil
}

// onceable reports whether a custom command can stand behind ONCE: it writes, and has a first key.
func (c *Custom) onceable() bool {
	return c.once == nil && !c.spec.Wraps && !c.script.readOnly && !c.spec.Keyspace && len(c.keys) > 0
}

// piece is text of a part, with where its lines came from.
type piece struct {
	text  string
	lines []scripts.Line
}

// oncePart reads a part and fills its blanks, of which none changes the number of lines.
func oncePart(name string, blanks ...string) (piece, error) {
	name = "part/once-" + name + ".lua"
	b, err := fs.ReadFile(scripts.FS, name)
	p := piece{text: strings.NewReplacer(blanks...).Replace(string(b))}
	for i := range strings.Count(p.text, "\n") {
		p.lines = append(p.lines, scripts.Line{Part: name, Line: i + 1})
	}
	return p, err
}

// effect is what runs the command: what it looks at before, and the call.
func (n *onceNative) effect(name string) (piece, error) {
	blanks := append([]string{"--[[COMMAND]]", strings.ToUpper(name), "--[[command]]", name, "--[[arguments]]", n.arguments()}, n.blanks...)
	var all piece
	for _, part := range []string{"guard-" + n.guard, n.gather(), "call"} {
		if part == "" {
			continue
		}
		p, err := oncePart(part, blanks...)
		if err != nil {
			return piece{}, err
		}
		all.text, all.lines = all.text+p.text, append(all.lines, p.lines...)
	}
	return all, nil
}

// gather is the part that puts keys and arguments into one list, where those don't stand one behind the other.
func (n *onceNative) gather() string {
	switch {
	case n.keynum > 0:
		return "counted"
	case n.step == 2:
		return "pairs"
	}
	return ""
}

// arguments writes the command's arguments out, with its keys where it has them. The last of KEYS is the token's.
func (n *onceNative) arguments() string {
	switch {
	case n.keynum > 0:
		return "KEYS[1], count, unpack(call)"
	case n.step == 2:
		return "unpack(call)"
	}
	var list []string
	key, arg := 1, 4
	last := n.last
	if n.arity < 0 && last > 0 {
		last = max(last, n.first)
	}
	for i := 1; n.arity > 0 && i < n.arity || n.arity < 0 && (i < n.first || i <= last); i++ {
		if i >= n.first && (i <= last || last < 0) {
			list = append(list, fmt.Sprintf("KEYS[%d]", key))
			key++
		} else {
			list = append(list, fmt.Sprintf("ARGV[%d]", arg))
			arg++
		}
	}
	switch {
	case n.arity > 0:
	case last < 0:
		list = append(list, "unpack(KEYS, 1, #KEYS - 1)")
	case n.guard == "zset": // whose look before has read it
		list = append(list, "digits(count)")
	default:
		list = append(list, fmt.Sprintf("unpack(ARGV, %d)", arg))
	}
	return strings.Join(list, ", ")
}

// leastKeys is how many keys a call has at least.
func (n *onceNative) leastKeys() int {
	switch {
	case n.last > 0 && n.keynum == 0:
		return n.last - n.first + 1
	case n.keynum > 0:
		return 2
	}
	return 1
}

// leastArgs is how many arguments that are no keys a call has at least.
func (n *onceNative) leastArgs() int {
	switch {
	case n.keynum > 0:
		return 0
	case n.last > 0:
		return max(n.arity, -n.arity) - 1 - n.leastKeys()
	}
	return n.first - 1
}

// onceScript is a custom command's script as a function, and its call.
func onceScript(body string) (piece, error) {
	const blank = "--[[script]]\n"
	part, err := oncePart("custom")
	if err != nil {
		return piece{}, err
	}
	if !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	before, after, _ := strings.Cut(part.text, blank)
	n := strings.Count(before, "\n")
	inside := slices.Repeat(part.lines[n:n+1], strings.Count(body, "\n"))
	return piece{before + body + after, slices.Concat(part.lines[:n], inside, part.lines[n+1:])}, nil
}

// onceText fills the blanks of once.lua, each a line of its own.
func (l *loader) onceText(o *once, name string, t *onceText, shape string, effect piece, frees bool) error {
	b, err := fs.ReadFile(l.fsys, "once.lua")
	if err != nil {
		return err
	}
	body, lines, err := scripts.Expand(string(b))
	if err != nil {
		return fmt.Errorf("once.lua: %w", err)
	}
	shaped, err := oncePart("shape-" + shape)
	if err != nil {
		return err
	}
	for blank, fill := range map[string]piece{"--[[shape]]\n": shaped, "--[[effect]]\n": effect} {
		before, after, ok := strings.Cut(body, blank)
		if !ok {
			return fmt.Errorf("once.lua: must have one %q", blank)
		}
		n := strings.Count(before, "\n")
		body, lines = before+fill.text+after, slices.Concat(lines[:n], fill.lines, lines[n+1:])
	}
	flags := []string{"WRITE", "DENYOOM"}
	if frees {
		flags = flags[:1]
	}
	if t.script, err = newScript("once "+name, flags, func(int) string { return body }); err != nil {
		return err
	}
	t.lines = lines
	o.texts[name] = t
	for _, v := range t.script.v {
		o.bySHA[v.sha] = true
	}
	l.scripts[t.script.name] = t.script
	return nil
}

// toVet describes a text to the vetter.
func (t *onceText) toVet() *vet.Script {
	const file = "once.lua"
	v := &vet.Script{
		File: file, Text: t.script.v[0].body,
		MinKeys: t.minKeys, MaxKeys: t.maxKeys, MinArgs: t.minArgs, MaxArgs: t.maxArgs,
		Args: []vet.Arg{{}, {Integer: true, Min: 1, Max: math.MaxInt64}, {Values: []string{"2", "3"}}},
		Origin: func(line int) (string, int) {
			if line < 1 || line > len(t.lines) {
				return file, line
			}
			if part := t.lines[line-1].Part; part != "" {
				return part, t.lines[line-1].Line
			}
			return file, t.lines[line-1].Line
		},
	}
	if t.custom != "" {
		v.Vetted = "script"
	}
	return v
}

// findings vets the texts, in the order of their names. Of those of custom commands one stands for all, since what is around
// the scripts is the same. Of findings at one place in many texts the first is told.
func (o *once) findings() []vet.Finding {
	var out []vet.Finding
	seen := map[string]bool{}
	customs := 0
	for _, name := range slices.Sorted(maps.Keys(o.texts)) {
		if o.texts[name].custom != "" {
			if customs++; customs > 1 {
				continue
			}
		}
		for _, f := range vet.Check(o.texts[name].toVet()) {
			f.Message = "for " + strings.ToUpper(strings.TrimPrefix(name, "custom ")) + ": " + f.Message
			if at := fmt.Sprint(f.File, f.Line, f.Column, f.Rule); !seen[at] {
				seen[at] = true
				out = append(out, f)
			}
		}
	}
	return out
}
