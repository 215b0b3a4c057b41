package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
)

type commandsCmd struct {
	Name     string `arg:"" optional:"" help:"One command, in any letter case; all if it is left out."`
	Config   string `help:"Configuration file (TOML): commands of your own are described as well." placeholder:"FILE"`
	JSON     bool   `name:"json" help:"For programs." xor:"form"`
	Markdown bool   `help:"As docs/commands.md." xor:"form"`
}

// run describes the proxy's own commands, from the same files that they run from.
func (c *commandsCmd) run(w *world) int {
	s := settings{Config: c.Config}
	cfg, err := s.load(w.env)
	if err != nil {
		return w.fail(err)
	}
	registry, err := cfg.Catalogue()
	if err != nil {
		return w.fail(err)
	}
	var list []commands.Reference
	if c.Name == "" {
		for _, custom := range registry.Commands() {
			list = append(list, registry.Reference(custom))
		}
	} else if custom := registry.Lookup([]byte(c.Name)); custom != nil {
		list = append(list, registry.Reference(custom))
	} else {
		return w.fail(unknownCommand(registry, c.Name))
	}
	switch {
	case c.JSON:
		e := json.NewEncoder(w.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "    ")
		if err := e.Encode(list); err != nil {
			return w.fail(err)
		}
	case c.Markdown && c.Name == "":
		io.WriteString(w.stdout, commandsManual(list))
	case c.Markdown:
		io.WriteString(w.stdout, list[0].Markdown(2))
	case c.Name != "":
		io.WriteString(w.stdout, list[0].Text())
	default:
		width := 0
		for i := range list {
			width = max(width, len(list[i].Name))
		}
		for i := range list {
			fmt.Fprintf(w.stdout, "%-*s  %s\n", width, list[i].Name, list[i].Summary)
		}
	}
	return exitOK
}

func unknownCommand(r *commands.Registry, name string) error {
	if commands.Lookup([]byte(name)) != nil || strings.EqualFold(name, "proxy") {
		return fmt.Errorf("%s is not of the proxy's catalogue: it is what the upstream, or PROXY HELP, says of it", strings.ToUpper(name))
	}
	var names []string
	for _, c := range r.Commands() {
		names = append(names, strings.ToUpper(c.Name()))
	}
	return fmt.Errorf("there is no command %q; there are %s", name, strings.Join(names, ", "))
}

const manualIntro = `# The proxy's own commands

Written by ` + "`proxy commands --markdown`" + ` from the files in scripts/: do not edit. Each
command is one script on the server, so nothing happens in between, and it reads
and checks everything before it writes. COMMAND INFO and COMMAND DOCS say the same
to clients; ` + "`proxy commands NAME`" + ` says it on a terminal, of your own commands too
(` + "`--config FILE`" + `, see [operators.md](operators.md)).

Where the upstream has a command itself, the call passes untouched, and the
upstream's own documentation holds. The proxy finds that out by asking for the
command, not by the version.

Retry says what a repeat does, after a connection was lost with a call in flight:

| | |
|---|---|
`

// commandsManual is docs/commands.md.
func commandsManual(list []commands.Reference) string {
	var b strings.Builder
	b.WriteString(manualIntro)
	for _, class := range []string{"S", "A", "U"} {
		fmt.Fprintf(&b, "| %s | %s |\n", class, commands.RetryMeans(class))
	}
	b.WriteString("\nRights are those of the client's user on the upstream, beside the keys. Errors of\nthe server (WRONGTYPE, OOM, READONLY, NOPERM and so on) come through in its words.\n\n")
	b.WriteString("| command | |\n|---|---|\n")
	for i := range list {
		f := &list[i]
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", f.Name, anchor(f.Name), f.Summary)
	}
	for i := range list {
		b.WriteString("\n" + strings.TrimRight(list[i].Markdown(2), "\n") + "\n")
	}
	return b.String()
}

// anchor is what Markdown readers make of a heading.
func anchor(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), ".", "")
}
