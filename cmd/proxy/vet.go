package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/scripts"
	"github.com/atomicproxy/atomicproxy/scripts/vet"
)

type vetCmd struct {
	Paths     []string `arg:"" optional:"" name:"path" help:"Directories of commands (NAME.lua and NAME.json) or of an application's scripts, or single scripts; the proxy's own if none is given."`
	JSON      bool     `name:"json" help:"For programs."`
	Rules     bool     `help:"Print what the rules are, and nothing else (docs/vetter.md)."`
	WriteLock bool     `help:"If nothing is found, pin the directories' files in scripts.lock."`
}

// run tells what the vetter finds, one finding a line.
func (c *vetCmd) run(w *world) int {
	if c.Rules {
		io.WriteString(w.stdout, vet.Manual())
		return exitOK
	}
	if c.WriteLock && len(c.Paths) == 0 {
		fmt.Fprintln(w.stderr, "proxy: --write-lock needs a directory")
		return exitUsage
	}
	paths := c.Paths
	if len(paths) == 0 {
		paths = []string{""}
	}
	found := []vet.Finding{}
	var problems []error
	for _, path := range paths {
		f, err := c.vet(path)
		found = append(found, f...)
		if err != nil {
			problems = append(problems, err)
		}
	}
	if err := c.print(w, found); err != nil {
		return w.fail(err)
	}
	if err := errors.Join(problems...); err != nil {
		return w.fail(err)
	}
	if len(found) > 0 {
		fmt.Fprintf(w.stderr, "Findings: %d. docs/vetter.md explains the rules.\n", len(found))
		return exitFailed
	}
	return c.lock(w)
}

func (c *vetCmd) print(w *world, found []vet.Finding) error {
	if c.JSON {
		e := json.NewEncoder(w.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "    ")
		return e.Encode(found)
	}
	for _, f := range found {
		fmt.Fprintln(w.stdout, f)
	}
	return nil
}

// lock writes the locks only when all is well everywhere: a lock says that the files were vetted.
func (c *vetCmd) lock(w *world) int {
	if !c.WriteLock {
		return exitOK
	}
	for _, path := range c.Paths {
		if err := commands.WriteLock(path); err != nil {
			return w.fail(err)
		}
		fmt.Fprintf(w.stderr, "Wrote %s.\n", filepath.Join(path, commands.LockName))
	}
	return exitOK
}

// vet judges the embedded scripts (""), a directory, or one script.
func (c *vetCmd) vet(path string) ([]vet.Finding, error) {
	if path == "" {
		return commands.Vet("")
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return commands.Vet(path)
	case c.WriteLock:
		return nil, fmt.Errorf("%s: is no directory: a lock is for a whole one", path)
	case filepath.Ext(path) != ".lua":
		return nil, fmt.Errorf("%s: is neither a directory nor a .lua file", path)
	}
	return vetFile(path)
}

// vetFile takes what NAME.json says from the command that it describes; a script without one is an application's own, of
// whose arguments nothing is known.
func vetFile(path string) ([]vet.Finding, error) {
	if _, err := os.Stat(strings.TrimSuffix(path, ".lua") + ".json"); !errors.Is(err, fs.ErrNotExist) {
		all, err := commands.Vet(filepath.Dir(path))
		return slices.DeleteFunc(all, func(f vet.Finding) bool {
			return filepath.Clean(f.File) != filepath.Clean(path) && !strings.HasPrefix(f.File, "part/")
		}), err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text, lines, err := scripts.Expand(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	origin := func(line int) (string, int) {
		if line < 1 || line > len(lines) {
			return path, line
		}
		if l := lines[line-1]; l.Part != "" {
			return l.Part, l.Line
		}
		return path, lines[line-1].Line
	}
	return vet.Check(&vet.Script{File: path, Text: text, Origin: origin}), nil
}
