package commands

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/atomicproxy/atomicproxy/scripts"
)

// script is one Lua text in its two forms.
type script struct {
	name     string
	readOnly bool
	foreign  bool       // an application's own, whose text is not to be touched
	v        [2]variant // without a shebang line and with it
}

type variant struct{ body, sha string }

// variant is the form that the upstream takes.
func (s *script) variant(up *Upstream) *variant {
	if up != nil && up.Shebang {
		return &s.v[1]
	}
	return &s.v[0]
}

// script reads NAME.lua once; whoever else calls it must mean the same flags.
func (l *loader) script(name string, flags []string) (*script, error) {
	b, err := fs.ReadFile(l.fsys, name+".lua")
	if err != nil {
		return nil, err
	}
	body, lines, err := scripts.Expand(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s.lua: %w", name, err)
	}
	l.origins[name] = lines
	s, err := newScript(name, flags, func(int) string { return body })
	if err != nil {
		return nil, err
	}
	if before := l.scripts[name]; before != nil {
		if *before != *s {
			return nil, fmt.Errorf("%s.lua: is called elsewhere with other flags", name)
		}
		return before, nil
	}
	l.scripts[name] = s
	return s, nil
}

// template is script for a file with one blank.
func (l *loader) template(name, blank string, fill func(variant int) string, flags []string) (*script, error) {
	b, err := fs.ReadFile(l.fsys, name+".lua")
	if err != nil {
		return nil, err
	}
	if strings.Count(string(b), blank) != 1 {
		return nil, fmt.Errorf("%s.lua: must have one %s", name, blank)
	}
	return newScript(name, flags, func(v int) string { return strings.Replace(string(b), blank, fill(v), 1) })
}

func newScript(name string, flags []string, body func(variant int) string) (*script, error) {
	s := &script{name: name, readOnly: slices.Contains(flags, "READONLY")}
	write := slices.Contains(flags, "WRITE")
	if s.readOnly == write {
		return nil, fmt.Errorf("%s.lua: its flags must have one of READONLY and WRITE", name)
	}
	if strings.HasPrefix(body(0), "#!") {
		return nil, fmt.Errorf("%s.lua: must have no shebang line, it is added where the upstream takes it", name)
	}
	// With a shebang line the server refuses a script that writes before it starts if memory is full, unless it says that it
	// frees memory: the scripts' form of the flag DENYOOM's absence.
	shebang := "#!lua\n"
	switch {
	case s.readOnly:
		shebang = "#!lua flags=no-writes\n"
	case !slices.Contains(flags, "DENYOOM"):
		shebang = "#!lua flags=allow-oom\n"
	}
	s.v[0] = newVariant(body(0))
	s.v[1] = newVariant(shebang + body(1))
	return s, nil
}

// newVariant computes the name that a server gives to the text.
func newVariant(body string) variant {
	sum := sha1.Sum([]byte(body))
	return variant{body, hex.EncodeToString(sum[:])}
}

// luaTexts writes the errors as a table of Lua strings, each at its number.
func luaTexts(list []*Error) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, e := range list {
		b.WriteString("  '" + luaQuote.Replace(e.Text) + "',\n")
	}
	return b.String() + "}"
}

var luaQuote = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`)

func sortedNames(m map[string]*script) []string { return slices.Sorted(maps.Keys(m)) }
