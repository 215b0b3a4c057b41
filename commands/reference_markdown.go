package commands

import (
	"fmt"
	"strings"
)

// Markdown is the reference of one command, with a heading of that level.
func (f *Reference) Markdown(level int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n%s\n\n```\n%s\n```\n\n", strings.Repeat("#", level), f.Name, f.Summary, f.Syntax)
	list := func(title string, items []string, code bool) {
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&b, "%s:\n\n", title)
		for _, i := range items {
			if code {
				i = "`" + i + "`"
			}
			if element, ok := strings.CutPrefix(i, "– "); ok {
				fmt.Fprintf(&b, "  %s\n", escapeMarkdown(element))
			} else {
				fmt.Fprintf(&b, "- %s\n", escapeMarkdown(i))
			}
		}
		b.WriteString("\n")
	}
	list("Arguments", f.Arguments, false)
	list("Reply", f.Reply, false)
	list("Errors, beside a server's own", f.Errors, true)
	b.WriteString("| | |\n|---|---|\n")
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, strings.ReplaceAll(escapeMarkdown(text), "|", `\|`))
		}
	}
	row("complexity", f.Complexity)
	row("bound", f.Bound)
	row("retry", f.Retry+": "+f.RetryMeans)
	row("rights", strings.Join(f.Rights, ", "))
	row("needs", "Redis "+f.Requires+" or later, or Valkey")
	row("native in", strings.Join(f.Native, ", "))
	row("where native", f.Instead)
	for _, s := range f.Scripts {
		row("SHA1 of "+s.Script+".lua", "`"+s.Plain+"`, with `#!lua` `"+s.Shebang+"`")
	}
	b.WriteString("\n")
	b.WriteString(f.examples("> ", "```\n", "```\n"))
	return b.String()
}

// escapeMarkdown keeps what stands outside of code from being taken for markup.
func escapeMarkdown(s string) string {
	if strings.HasPrefix(s, "`") {
		return s
	}
	return strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`).Replace(s)
}

// examples are the calls with their replies, as a terminal shows them.
func (f *Reference) examples(prompt, before, after string) string {
	if len(f.Examples) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(before)
	for _, e := range f.Examples {
		fmt.Fprintf(&b, "%s%s\n%s\n", prompt, e.Call, e.Reply)
	}
	b.WriteString(after)
	return b.String()
}

// Text is the reference of one command for a terminal.
func (f *Reference) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n  %s\n", f.Syntax, f.Summary)
	list := func(title string, items []string) {
		if len(items) > 0 {
			fmt.Fprintf(&b, "\n%s\n  %s\n", title, strings.Join(items, "\n  "))
		}
	}
	list("Arguments", f.Arguments)
	list("Reply", f.Reply)
	list("Errors, beside a server's own", f.Errors)
	list("Complexity", []string{f.Complexity})
	list("Bound", []string{f.Bound})
	list("Retry", []string{f.Retry + ": " + f.RetryMeans})
	list("Rights that a user needs", []string{strings.Join(f.Rights, ", ")})
	list("Native in", f.Native)
	if f.Instead != "" {
		list("Where native", []string{f.Instead})
	}
	var sums []string
	for _, s := range f.Scripts {
		sums = append(sums, s.Plain+"  "+s.Script+".lua", s.Shebang+"  "+s.Script+".lua, with #!lua")
	}
	list("SHA1", sums)
	if e := f.examples("> ", "", ""); e != "" {
		list("Example", strings.Split(strings.TrimSuffix(e, "\n"), "\n"))
	}
	return b.String()
}
