package commands

import (
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/atomicproxy/atomicproxy/scripts/vet"
)

// SumName is the file among the built-in scripts that says which of them were vetted: the SHA-256 of them all. To vet them
// takes longer than a start may; a test does it and writes the sum. Where the sum is another they are vetted at the start
// after all: a script that was changed and not vetted does not run.
const SumName = "vetted.sum"

// vettedBefore has the findings by sum, for processes that load the catalogue more than once.
var vettedBefore sync.Map

func (r *Registry) builtinFindings() []vet.Finding {
	now := r.files.builtinSum()
	b, err := fs.ReadFile(r.files.builtin, SumName)
	if err == nil && strings.TrimSpace(string(b)) == now {
		return nil
	}
	if found, ok := vettedBefore.Load(now); ok {
		return found.([]vet.Finding)
	}
	found := r.findings(func(name string) bool { return !r.isOwn(name) })
	vettedBefore.Store(now, found)
	return found
}

// builtinSum is over the names and bytes of all built-in files, parts included.
func (l *layers) builtinSum() string {
	var all strings.Builder
	for _, pattern := range []string{"*.lua", "*.json", "part/*.lua"} {
		names, _ := fs.Glob(l.builtin, pattern) // the patterns are good
		slices.Sort(names)
		for _, name := range names {
			b, err := fs.ReadFile(l.builtin, name)
			if err != nil {
				b = []byte(err.Error()) // and no sum of a good file
			}
			all.WriteString(sum(b) + " " + name + "\n")
		}
	}
	return sum([]byte(all.String()))
}
