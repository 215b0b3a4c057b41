package commands

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Reference is all that a person may want to know of one command. Everything in it comes from the command's two files.
type Reference struct {
	Name       string       `json:"name"`
	Summary    string       `json:"summary"`
	Syntax     string       `json:"syntax"`
	Arguments  []string     `json:"arguments,omitempty"` // what there is to say beyond the syntax
	Reply      []string     `json:"reply"`
	Errors     []string     `json:"errors"` // beside those of every server: WRONGTYPE, OOM, READONLY and so on
	Complexity string       `json:"complexity"`
	Bound      string       `json:"bound"`
	Retry      string       `json:"retry"`
	RetryMeans string       `json:"retry_means"`
	Rights     []string     `json:"rights"`
	Requires   string       `json:"requires"`
	Native     []string     `json:"native,omitempty"`
	Instead    string       `json:"instead,omitempty"` // what happens, or is to be used, where it is native
	Examples   []Example    `json:"examples,omitempty"`
	Scripts    []ScriptSums `json:"scripts,omitempty"`
	Group      string       `json:"group"`
	Since      string       `json:"since"`
	File       string       `json:"file"` // of its description
}

// ScriptSums are the SHA1 of a script without and with the first line that some upstreams want.
type ScriptSums struct {
	Script  string `json:"script"`
	Plain   string `json:"sha1"`
	Shebang string `json:"sha1_shebang"`
}

// RetryMeans says what a retry class promises.
func RetryMeans(class string) string {
	return map[string]string{
		"S": "a repeat gives the same state and the same reply",
		"A": "a repeat leaves the same state, but its reply does not tell whether the first one worked",
		"U": "a repeat works again: put it behind ONCE where that matters",
	}[class]
}

// Reference describes the command.
func (r *Registry) Reference(c *Custom) Reference {
	s := c.spec
	out := Reference{
		Name: strings.ToUpper(c.name), Summary: s.Summary, Syntax: c.Syntax(), Arguments: argumentNotes(s.Arguments), Reply: replyText(s.ReplySchema),
		Errors: r.errorTexts(c), Complexity: s.Complexity, Bound: s.Bound, Retry: s.Retry, RetryMeans: RetryMeans(s.Retry),
		Rights: append([]string{"evalsha"}, s.Needs...), Requires: s.Requires, Native: s.Native, Instead: c.instead(),
		Examples: s.Examples, Group: s.Group, Since: s.Since, File: r.files.where(c.name + ".json"),
	}
	if c.ReadOnly() {
		out.Rights[0] = "evalsha_ro (evalsha before 7.0)"
	}
	for _, n := range c.Scripts() {
		out.Scripts = append(out.Scripts, ScriptSums(n))
	}
	return out
}

// ReadOnly reports whether no call of the command writes.
func (c *Custom) ReadOnly() bool {
	return !slices.ContainsFunc(c.scripts(), func(s *script) bool { return !s.readOnly }) && c.script != nil
}

// instead says what a call becomes on an upstream that has the command, or one like it.
func (c *Custom) instead() string {
	var out []string
	switch {
	case c.Extends():
		out = append(out, "Where the upstream has these options the call passes untouched, as every call without them does.")
	case len(c.spec.Native) > 0:
		out = append(out, "Where the upstream has it the call passes untouched.")
	}
	for _, t := range c.spec.Translations {
		from := strings.ToUpper(c.name)
		for _, g := range t.Given {
			from += " … " + g
		}
		to := strings.ToUpper(t.Command) + " " + strings.Join(t.Args, " ")
		if t.Everywhere {
			out = append(out, fmt.Sprintf("%s is sent as %s.", orPlain(from, c, t), to))
		} else {
			out = append(out, fmt.Sprintf("%s is sent as %s where the upstream has only that.", orPlain(from, c, t), to))
		}
	}
	return strings.Join(out, " ")
}

func orPlain(from string, c *Custom, t Translation) string {
	if len(t.Given) == 0 && c.grammar.positional < len(c.grammar.args) {
		return from + " without options"
	}
	return from
}

// Syntax is the command as one types it: [optional], <one | another>, and what repeats with dots.
func (c *Custom) Syntax() string {
	out := []string{strings.ToUpper(c.name)}
	for i := range c.spec.Arguments {
		if a := &c.spec.Arguments[i]; a.Unsupported == "" {
			out = append(out, a.syntax())
		}
	}
	return strings.Join(out, " ")
}

func (a *ArgSpec) syntax() string {
	text := a.Name
	switch a.Type {
	case "pure-token":
		text = a.Token
	case "oneof", "block":
		var parts []string
		for i := range a.Arguments {
			parts = append(parts, a.Arguments[i].syntax())
		}
		if a.Type == "block" {
			text = strings.Join(parts, " ")
		} else {
			text = strings.Join(parts, " | ")
		}
	}
	if a.Token != "" && a.Type != "pure-token" {
		text = a.Token + " " + text
	}
	if a.Multiple {
		text += " [" + text + " ...]"
	}
	switch {
	case a.Optional:
		return "[" + text + "]"
	case a.Type == "oneof":
		return "<" + text + ">"
	}
	return text
}

// argumentNotes are the summaries and the bounds of arguments, those inside others included.
func argumentNotes(args []ArgSpec) []string {
	var out []string
	for i := range args {
		a := &args[i]
		name := a.Name
		if a.Token != "" {
			name = a.Token
		}
		var notes []string
		if a.Summary != "" {
			notes = append(notes, strings.TrimSuffix(a.Summary, "."))
		}
		switch {
		case a.Min != nil && a.Max != nil:
			notes = append(notes, fmt.Sprintf("%d to %d", *a.Min, *a.Max))
		case a.Min != nil:
			notes = append(notes, fmt.Sprintf("at least %d", *a.Min))
		case a.Max != nil:
			notes = append(notes, fmt.Sprintf("at most %d", *a.Max))
		}
		if len(notes) > 0 && a.Unsupported == "" {
			out = append(out, name+": "+strings.Join(notes, "; "))
		}
		out = append(out, argumentNotes(a.Arguments)...)
	}
	return out
}

// schema is what the catalogue uses of JSON Schema in reply_schema.
type schema struct {
	Description string          `json:"description"`
	Type        string          `json:"type"`
	Const       json.RawMessage `json:"const"`
	Enum        []any           `json:"enum"`
	Items       json.RawMessage `json:"items"`
	OneOf       []schema        `json:"oneOf"`
}

// replyText puts a reply's schema into words, a line for each form that it can have, and for each element of an array.
func replyText(raw json.RawMessage) []string {
	var s schema
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil {
		return nil
	}
	if len(s.OneOf) == 0 {
		return s.text()
	}
	var out []string
	for i := range s.OneOf {
		out = append(out, s.OneOf[i].text()...)
	}
	if s.Description != "" {
		out = append(out, s.Description)
	}
	return out
}

func (s *schema) text() []string {
	kind := map[string]string{"string": "bulk string", "array": "array", "integer": "integer", "null": "null", "number": "double"}[s.Type]
	if len(s.Const) > 0 {
		if kind = strings.Trim(string(s.Const), `"`); kind == "" {
			kind = "an empty string"
		}
	}
	var each []schema
	var all schema
	switch {
	case s.Type != "array" || len(s.Items) == 0:
	case json.Unmarshal(s.Items, &each) == nil:
		kind = fmt.Sprintf("array of %d", len(each))
		if len(each) == 1 {
			return []string{"array of 1: " + each[0].text()[0] + orNothing(": ", s.Description)}
		}
	case json.Unmarshal(s.Items, &all) == nil:
		kind = "array of " + all.text()[0] + "s"
	}
	first := kind + orNothing(": ", s.Description)
	if kind == "" {
		first = s.Description
	}
	out := []string{first}
	for i := range each {
		out = append(out, fmt.Sprintf("– %d. %s", i+1, strings.Join(each[i].text(), "; ")))
	}
	return out
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
