package commands

import (
	"slices"
	"strings"
)

// Description is a command as COMMAND INFO and COMMAND DOCS show it to clients. It must not be changed.
type Description struct {
	Name       string // lower case; a subcommand's is "proxy|info"
	Summary    string
	Complexity string
	Group      string
	Since      string
	Bound      string   // "" if nothing but the complexity limits it
	Retry      string   // S, A or U; "" for what changes nothing
	Arity      int      // with the name; negative is a minimum
	Flags      []string // lower case
	Categories []string // lower case, without "@", those that follow from the flags included
	Keys       []KeySpec
	Args       []ArgSpec
	Subs       []*Description
}

// Describe returns what clients may know of the command. Arguments that this version only refuses are left out, so that no
// client offers them.
func (c *Custom) Describe() *Description {
	s := c.spec
	d := &Description{
		Name: c.name, Summary: s.Summary, Complexity: s.Complexity, Group: s.Group, Since: s.Since,
		Bound: s.Bound, Retry: s.Retry, Arity: c.arity, Keys: c.keys,
	}
	for _, f := range s.CommandFlags {
		d.Flags = append(d.Flags, strings.ToLower(f))
	}
	if movable(c.keys) {
		d.Flags = append(d.Flags, "movablekeys")
	}
	d.Categories = categories(d.Flags, s.ACLCategories)
	for _, a := range s.Arguments {
		if a.Unsupported == "" {
			d.Args = append(d.Args, a)
		}
	}
	return d
}

// aclOrder is the order in which Redis lists a command's categories.
var aclOrder = strings.Fields(`keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub admin
	fast slow blocking dangerous connection transaction scripting`)

// categories adds those that Redis derives from flags to the declared ones.
func categories(flags, declared []string) []string {
	has := map[string]bool{}
	for _, c := range declared {
		has[strings.ToLower(c)] = true
	}
	for flag, category := range map[string]string{"write": "write", "readonly": "read", "admin": "admin", "pubsub": "pubsub",
		"fast": "fast", "blocking": "blocking"} {
		if slices.Contains(flags, flag) {
			has[category] = true
		}
	}
	if has["admin"] {
		has["dangerous"] = true
	}
	has["slow"] = !has["fast"]
	var out []string
	for _, c := range aclOrder {
		if has[c] {
			out = append(out, c)
		}
	}
	return out
}

// Each calls f for the description and for those of its subcommands.
func (d *Description) Each(f func(*Description)) {
	f(d)
	for _, s := range d.Subs {
		f(s)
	}
}

// Selected reports whether COMMAND LIST FILTERBY kind value, in any letter case, selects the command. ok is false if there is
// no such filter. No command of ours is a module's.
func (d *Description) Selected(kind, value string) (selected, ok bool) {
	switch strings.ToLower(kind) {
	case "module":
		return false, true
	case "aclcat":
		return slices.Contains(d.Categories, strings.ToLower(value)), true
	case "pattern":
		return globMatch(strings.ToLower(value), d.Name), true
	}
	return false, false
}

// ScriptNames are the names that servers give to one script: the SHA1 of its plain text and of that with a shebang line.
type ScriptNames struct{ Script, Plain, Shebang string }

// Scripts returns the names of every script that the command may call, its own first.
func (c *Custom) Scripts() []ScriptNames {
	var out []ScriptNames
	for _, s := range c.scripts() {
		out = append(out, ScriptNames{s.name, s.v[0].sha, s.v[1].sha})
	}
	return out
}

// scripts are those that the command may call, its own first; none for ONCE, whose texts are those of other commands.
func (c *Custom) scripts() []*script {
	var list []*script
	if c.script != nil {
		list = append(list, c.script)
	}
	for i := range c.grammar.args {
		if s := c.grammar.args[i].selects; s != nil && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	if c.steps != nil {
		list = append(list, c.steps.remove, c.steps.match)
	}
	return list
}
