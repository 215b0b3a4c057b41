package vet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/scripts"
)

// planted is a script of the suite: its text, and the findings that it must have, no more and no fewer.
type planted struct {
	name   string
	script *Script
	want   []string // "rule line"
}

// readPlanted reads a script. Comments at its beginning say what it is: "-- want: RULE LINE", "-- as: keyspace readonly
// undeclared", and for each element of ARGV "-- arg: text", "-- arg: integer MIN MAX", "-- arg: values A B" or "-- arg: given
// INDEX MIN MAX" (an integer that is there if ARGV[INDEX] is 1).
func readPlanted(t *testing.T, file string) planted {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, lines, err := scripts.Expand(string(b))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	p := planted{name: file, script: &Script{File: file, Text: text, Declared: true}}
	p.script.Origin = func(n int) (string, int) {
		l := lines[n-1]
		return l.Part + file[len(file)*min(len(l.Part), 1):], l.Line
	}
	for line := range strings.Lines(string(b)) {
		what, is := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		if !is {
			break
		}
		kind, rest, _ := strings.Cut(what, ": ")
		switch kind {
		case "want":
			p.want = append(p.want, rest)
		case "as":
			p.script.Keyspace = strings.Contains(rest, "keyspace")
			p.script.ReadOnly = strings.Contains(rest, "readonly")
			p.script.Declared = !strings.Contains(rest, "undeclared")
		case "arg":
			p.script.Args = append(p.script.Args, readArg(t, file, strings.Fields(rest)))
		}
	}
	slices.Sort(p.want)
	return p
}

func expanded(t *testing.T, text string) string {
	t.Helper()
	out, _, err := scripts.Expand(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readArg(t *testing.T, file string, f []string) Arg {
	number := func(i int) int64 {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		return n
	}
	switch f[0] {
	case "integer":
		return Arg{Integer: true, Min: number(1), Max: number(2)}
	case "values":
		return Arg{Values: f[1:]}
	case "given":
		return Arg{When: int(number(1)), Cases: []Case{{"1", true, number(2), number(3)}}}
	}
	return Arg{}
}

// found lists the findings in the form of want.
func found(f []Finding) []string {
	list := []string{}
	for _, f := range f {
		list = append(list, fmt.Sprintf("%s %d", f.Rule, f.Line))
	}
	slices.Sort(list)
	return list
}

func plantedIn(t *testing.T, pattern string) []planted {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal(pattern, files, err)
	}
	var list []planted
	for _, f := range files {
		list = append(list, readPlanted(t, f))
	}
	return list
}

// TestPlanted: each planted fault is found, under its rule and in its line, and nothing else.
func TestPlanted(t *testing.T) {
	for _, p := range plantedIn(t, "testdata/bad/*/*.lua") {
		t.Run(p.name, func(t *testing.T) {
			if f := Check(p.script); !slices.Equal(found(f), p.want) {
				t.Errorf("found %q, want %q: %v", found(f), p.want, f)
			}
		})
	}
}

// TestSound: what is sound has no finding.
func TestSound(t *testing.T) {
	for _, p := range plantedIn(t, "testdata/good/*.lua") {
		for _, f := range Check(p.script) {
			t.Error(f)
		}
	}
}

// TestEachRuleMatters: every rule has at least three scripts, and without the rule they are not found.
func TestEachRuleMatters(t *testing.T) {
	for _, rule := range Rules() {
		list := plantedIn(t, filepath.Join("testdata/bad", rule.Name, "*.lua"))
		if len(list) < 3 {
			t.Errorf("%s: only %d scripts", rule.Name, len(list))
		}
		for _, p := range list {
			if !slices.ContainsFunc(p.want, func(w string) bool { return strings.HasPrefix(w, rule.Name+" ") }) {
				t.Errorf("%s: does not want its own rule", p.name)
			}
			if f := check(p.script, rule.Name); slices.Equal(found(f), p.want) {
				t.Errorf("%s: the test passes without the rule", p.name)
			}
		}
	}
	if dirs, err := os.ReadDir("testdata/bad"); err != nil || len(dirs) != len(Rules()) {
		t.Errorf("%d directories for %d rules (%v)", len(dirs), len(Rules()), err)
	}
}
