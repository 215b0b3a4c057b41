package vet

import (
	"os"
	"strings"
	"testing"
)

func TestManual(t *testing.T) {
	b, err := os.ReadFile("../../docs/vetter.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != Manual() {
		t.Error("docs/vetter.md is not what Manual says; make it anew: go run ./cmd/proxy vet --rules > docs/vetter.md")
	}
	for _, r := range Rules() {
		if r.Forbids == "" || r.Why == "" || r.Remedy == "" || !strings.Contains(string(b), "### "+r.Name+"\n") {
			t.Errorf("%s is not explained", r.Name)
		}
	}
}

// TestManualExample: the example that the page gives has no finding.
func TestManualExample(t *testing.T) {
	_, rest, _ := strings.Cut(Manual(), "```lua\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("there is no example")
	}
	for _, f := range Check(&Script{File: "example", Text: expanded(t, text), Declared: true}) {
		t.Error(f)
	}
}

// TestCommands: what is on the list is complete, and no name is of a kind that must not be there.
func TestCommands(t *testing.T) {
	lines := strings.Count(readCommands, "\n") + strings.Count(writeCommands, "\n") - 2
	if len(commands) != lines {
		t.Errorf("%d commands of %d lines", len(commands), lines)
	}
	for name, c := range commands {
		if c.reply == 0 || strings.Trim(c.args, "kmipfbwWno?()") != "" || strings.ContainsAny(c.args, "wW") && words[name] == nil {
			t.Errorf("%s: reply %q, arguments %q", name, c.reply, c.args)
		}
	}
}
