package vet_test

import (
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
)

// TestEmbedded: no script of ours has a finding.
func TestEmbedded(t *testing.T) {
	findings, err := commands.Vet("")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
}
