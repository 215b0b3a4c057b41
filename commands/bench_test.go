package commands

import "testing"

func purgeArgs() [][]byte {
	return [][]byte{[]byte("PURGE"), []byte("PREFIX"), []byte("session:*"), []byte("LIMIT"), []byte("100"), []byte("TYPE"), []byte("STRING")}
}

// TestAllocations: neither looking up nor rewriting allocates.
func TestAllocations(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	args, buf, long := purgeArgs(), make([]byte, 0, 4096), []byte("GeoRadiusByMember_RO")
	for name, f := range map[string]func(){
		"Lookup":          func() { Lookup(long) },
		"Sub":             func() { Lookup([]byte("CLIENT")).Sub([]byte("SetName")) },
		"Registry.Lookup": func() { r.Lookup(args[0]) },
		"Rewrite":         func() { r.Lookup(args[0]).Rewrite(buf, args, everything) },
		"AppendMarker":    func() { r.AppendMarker(buf, everything) },
		"AppendFail":      func() { r.AppendFail(buf, 3, everything) },
		"an error":        func() { r.Lookup(args[0]).Rewrite(buf, args[:4], everything) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, name := range []string{"GET", "ZRANGEBYSCORE", "nosuchcommand"} {
		b.Run(name, func(b *testing.B) {
			n := []byte(name)
			for b.Loop() {
				Lookup(n)
			}
		})
	}
}

func BenchmarkRegistryLookup(b *testing.B) {
	r := loadCatalogue(b, testSettings)
	for _, name := range []string{"GET", "PURGE", "HMGET"} {
		b.Run(name, func(b *testing.B) {
			n := []byte(name)
			for b.Loop() {
				r.Lookup(n)
			}
		})
	}
}

func BenchmarkRewrite(b *testing.B) {
	c := loadCatalogue(b, testSettings).Lookup([]byte("purge"))
	args, buf := purgeArgs(), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		c.Rewrite(buf, args, everything)
	}
}
