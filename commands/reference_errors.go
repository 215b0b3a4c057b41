package commands

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// errorLiteral finds the texts that a script answers itself.
var errorLiteral = regexp.MustCompile(`redis\.error_reply\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\)`)

// errorTexts are the errors that the proxy or the script gives, without what every server says of itself.
func (r *Registry) errorTexts(c *Custom) []string {
	out := []string{c.arityErr.Text}
	add := func(text string) {
		if text != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if c.grammar.positional < len(c.grammar.args) {
		add(c.grammar.errs.syntax.Text)
	}
	c.eachArg(c.spec.Arguments, add)
	for _, conflict := range c.spec.Conflicts {
		add(conflict.Error)
	}
	for _, s := range c.scripts() {
		for _, m := range errorLiteral.FindAllStringSubmatch(r.spoken(s), -1) {
			add(unquote.Replace(m[1] + m[2]))
		}
	}
	return out
}

var localFunction = regexp.MustCompile(`(?m)^local function (\w+)`)

// spoken is a script's text with those functions of its parts that it calls. What reply.lua says are servers' own errors.
func (r *Registry) spoken(s *script) string {
	var text strings.Builder
	parts := map[string]string{}
	for i, line := range strings.SplitAfter(s.v[0].body, "\n") {
		if lines := r.origins[s.name]; i < len(lines) && lines[i].Part != "" {
			parts[lines[i].Part] += line
		} else {
			text.WriteString(line)
		}
	}
	functions := map[string]string{}
	delete(parts, "part/reply.lua")
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part := parts[name]
		starts := localFunction.FindAllStringSubmatchIndex(part, -1)
		for i, at := range starts {
			end := len(part)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			// A function ends at the first line that is only "end"; what follows runs by itself.
			body, rest, _ := strings.Cut(part[at[0]:end], "\nend\n")
			functions[part[at[2]:at[3]]] = body
			text.WriteString(rest)
		}
		if len(starts) == 0 {
			text.WriteString(part)
		}
	}
	for found := true; found; {
		found = false
		for _, name := range slices.Sorted(maps.Keys(functions)) {
			if strings.Contains(text.String(), name+"(") {
				text.WriteString(functions[name])
				delete(functions, name)
				found = true
			}
		}
	}
	return text.String()
}

var unquote = strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`)

// eachArg adds the errors that come from the arguments' declarations.
func (c *Custom) eachArg(args []ArgSpec, add func(string)) {
	for i := range args {
		a := &args[i]
		switch {
		case a.Unsupported != "":
			add(a.Unsupported)
			continue
		case a.Type == "integer" && a.NotInteger == "":
			add(c.grammar.errs.notInteger.Text)
		}
		add(a.NotInteger)
		add(a.RangeError)
		switch a.Check {
		case "expiry":
			add(c.grammar.badExpiry.Text)
		case "type-name":
			add(c.grammar.errs.unknownType.Text + " 'x'")
		case "glob", "glob-prefix":
			add(c.grammar.errs.tooLong.Text)
			add(c.grammar.errs.tooManyStars.Text)
			add(c.grammar.errs.wildcardOnly.Text)
		}
		c.eachArg(a.Arguments, add)
	}
}
