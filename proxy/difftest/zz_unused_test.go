package difftest

import (
	"flag"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestUnusedAllowances stands in the last file, so that it runs after the tests that use the list. Where only some
// tests run, it can't tell.
func TestUnusedAllowances(t *testing.T) {
	if pattern := flag.Lookup("test.run").Value.String(); pattern != "" || *only != "" {
		t.Logf("not all tests run (-run %q): nothing to say", pattern)
		return
	}
	for _, line := range readAllowances(t).unused(redistest.Programs(t)) {
		t.Error(line)
	}
}
