package commands

import (
	"strings"
	"testing"
)

// sampleCalls are calls of the polyfills, with and without options.
var sampleCalls = []string{
	"SET k v IFEQ x", "SET k v IFNE x GET PX 5000", "DELEX k IFEQ x", "DELIFEQ k x", "CAS k a b EX 10", "CAD k x", "INCREX k",
	"INCREX k BYINT 5 LBOUND 0 UBOUND 10 SATURATE EX 10 ENX", "MSETEX 3 a 1 b 2 c 3 NX EX 10", "HGETDEL k FIELDS 2 a b",
}

func byteWords(call string) [][]byte {
	var args [][]byte
	for word := range strings.FieldsSeq(call) {
		args = append(args, []byte(word))
	}
	return args
}

// TestCatalogueAllocations: rewriting a call of the catalogue does not allocate, nor does refusing one.
func TestCatalogueAllocations(t *testing.T) {
	rg, buf := loadCatalogue(t, testSettings), make([]byte, 0, 4096)
	for _, call := range append(sampleCalls, "SET k v IFEQ x EX 0", "DELEX k IFEQ", "INCREX k BYINT x", "MSETEX 0 k v", "SET k v NX") {
		args := byteWords(call)
		c := rg.Lookup(args[0])
		if n := testing.AllocsPerRun(100, func() { c.Rewrite(buf, args, everything) }); n != 0 {
			t.Errorf("%s: %v allocations", call, n)
		}
	}
}

func BenchmarkCatalogueRewrite(b *testing.B) {
	rg, buf := loadCatalogue(b, testSettings), make([]byte, 0, 4096)
	for _, call := range sampleCalls {
		args := byteWords(call)
		c := rg.Lookup(args[0])
		b.Run(strings.ReplaceAll(call, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Rewrite(buf, args, everything)
			}
		})
	}
}
