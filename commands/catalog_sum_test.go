package commands

import (
	"flag"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/atomicproxy/atomicproxy/scripts"
)

var update = flag.Bool("update", false, "write scripts/vetted.sum, if the vetter finds nothing")

// TestBuiltinIsVetted vets every built-in script, and sees to it that the sum says
// so:
//
//	go test ./commands -run TestBuiltinIsVetted -update
func TestBuiltinIsVetted(t *testing.T) {
	found, err := Vet("")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
	want := newLayers(nil).builtinSum() + "\n"
	if *update && len(found) == 0 {
		if err := os.WriteFile("../scripts/"+SumName, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := fs.ReadFile(scripts.FS, SumName); string(got) != want {
		t.Errorf("scripts/%s is not of these scripts (%v): run this test with -update", SumName, err)
	}
}

// builtinCopy is the embedded files, to be changed.
func builtinCopy(t *testing.T) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	err := fs.WalkDir(scripts.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(scripts.FS, path)
		m[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBuiltinChanged: a built-in script that is not the one that was vetted is
// vetted at the start.
func TestBuiltinChanged(t *testing.T) {
	if _, err := Open(Sources{Builtin: builtinCopy(t)}, testSettings); err != nil {
		t.Fatal(err)
	}
	m := builtinCopy(t)
	m["cad.lua"].Data = append([]byte("while true do end\n"), m["cad.lua"].Data...)
	if _, err := Open(Sources{Builtin: m}, testSettings); err == nil || !strings.Contains(err.Error(), "cad.lua:1:1: loop-bound") {
		t.Errorf("a loop without end: %v", err)
	}
}

// BenchmarkOpen is what a start costs.
func BenchmarkOpen(b *testing.B) {
	for name, from := range map[string]Sources{"builtin": {}, "operators": {Commands: "../examples/commands"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Open(from, testSettings); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
