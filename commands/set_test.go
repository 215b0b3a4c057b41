package commands

import "testing"

// TestSetIf: the calls of SET that are ours, with the quirks of the servers that have them.
func TestSetIf(t *testing.T) {
	const badExpiry = "-ERR invalid expire time in 'set' command"
	semantics(t, []semantic{
		{before: "SET k a", call: "SET k b IFEQ a", reply: "+OK", after: "SET k b"},
		{before: "SET k a", call: "set k b ifeq x", reply: "$-1"},
		{before: "", call: "SET k b IFEQ a", reply: "$-1"},
		{before: "", call: `SET k b IFEQ ""`, reply: "$-1"},
		{before: `SET k ""`, call: `SET k "" IFEQ ""`, reply: "+OK"},
		{before: "SET k a", call: "SET k b IFNE a", reply: "$-1"},
		{before: "SET k a", call: "SET k b IFNE x", reply: "+OK", after: "SET k b"},
		{before: "", call: "SET k b IFNE a", reply: "+OK", after: "SET k b"},
		{before: "", call: `SET k b IFNE ""`, reply: "+OK", after: "SET k b"},
		{before: `SET k "a\x00\r\n\xff"`, call: `SET k "\xfe" IFEQ "a\x00\r\n\xff"`, reply: "+OK", after: `SET k "\xfe"`},
		{before: `SET k "a\x00b"`, call: `SET k x IFEQ "a\x00c"`, reply: "$-1"},
		{before: "SET k 10", call: "SET k x IFEQ 010", reply: "$-1"},
		{before: "SET k 9007199254740993", call: "SET k x IFEQ 9007199254740992", reply: "$-1"},
		{before: "RPUSH k a", call: "SET k b IFEQ a", reply: wrongType},
		{before: "RPUSH k a", call: "SET k b IFNE a", reply: wrongType},
		{before: "RPUSH k a", call: "SET k b IFEQ a GET", reply: wrongType},

		// With GET the reply is the old value, whether or not it was replaced.
		{before: "SET k a", call: "SET k b IFEQ a GET", reply: `"a"`, after: "SET k b"},
		{before: "SET k a", call: "SET k b IFEQ x GET", reply: `"a"`},
		{before: "SET k a", call: "SET k b GET IFNE x GET", reply: `"a"`, after: "SET k b"},
		{before: "SET k a", call: "SET k b IFNE a GET", reply: `"a"`},
		{before: "", call: "SET k b IFEQ a GET", reply: "$-1"},
		{before: "", call: "SET k b IFNE a GET", reply: "$-1", after: "SET k b"},
		{before: `SET k ""`, call: `SET k b IFEQ "" GET`, reply: `""`, after: "SET k b"},

		{before: "SET k a EX 5000", call: "SET k b IFEQ a", reply: "+OK", after: "SET k b"},
		{before: "SET k a EX 5000", call: "SET k b IFEQ x", reply: "$-1"},
		{before: "SET k a EX 5000", call: "SET k b IFEQ a KEEPTTL", reply: "+OK", after: "SET k b EX 5000"},
		{before: "SET k a EX 5000", call: "SET k b KEEPTTL IFEQ a KEEPTTL", reply: "+OK", after: "SET k b EX 5000"},
		{before: "", call: "SET k b IFNE a KEEPTTL", reply: "+OK", after: "SET k b"},
		{before: "SET k a", call: "SET k b IFEQ a EX 5000", reply: "+OK", after: "SET k b EX 5000"},
		{before: "SET k a EX 9000", call: "SET k b EX 9 IFEQ a EX 5000", reply: "+OK", after: "SET k b EX 5000"},
		{before: "SET k a", call: "SET k b IFEQ a PX 5000000", reply: "+OK", after: "SET k b EX 5000"},
		{before: "SET k a", call: "SET k b IFEQ a EXAT {s+5000}", reply: "+OK", after: "SET k b EX 5000"},
		{before: "SET k a", call: "SET k b IFEQ a PXAT {ms+5000000} GET", reply: `"a"`, after: "SET k b EX 5000"},
		{before: "SET k a", call: "SET k b IFEQ a EXAT 1", reply: "+OK", after: "none"},
		{before: "SET k a EX 5000", call: "SET k b IFEQ a PXAT {ms-1000} GET", reply: `"a"`, after: "none"},
		{before: "", call: "SET k b IFNE a EXAT 1", reply: "+OK", after: "none"},
		{before: "SET k a EX 5000", call: "SET k b IFEQ x EXAT 1", reply: "$-1"},
		{before: "SET k a", call: "SET k b IFEQ a EXAT 9223372036854775", reply: "+OK", after: "SET k b; PEXPIREAT k 9223372036854775000"},

		{before: "SET k a", call: "SET k b IFEQ", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a IFEQ a", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a IFNE x", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a NX", reply: syntaxErr},
		{before: "SET k a", call: "SET k b XX IFEQ a", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFNE x XX", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a FOO", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a PERSIST", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a EX", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a EX 10 PX 10", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a KEEPTTL EX 10", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a EX x FOO", reply: syntaxErr},
		{before: "SET k a", call: "SET k b IFEQ a EX x", reply: notInteger},
		{before: "SET k a", call: "SET k b IFEQ x EX 1.5", reply: notInteger},
		{before: "SET k a", call: "SET k b IFEQ x EX 0", reply: badExpiry},
		{before: "SET k a", call: "SET k b IFEQ x PXAT -1", reply: badExpiry},
		{before: "RPUSH k a", call: "SET k b IFEQ x EX 0", reply: badExpiry},
		{before: "SET k a", call: "SET k b IFEQ a EX 9223372036854775807", reply: badExpiry},

		{before: "SET k a", call: "SET k b IFDEQ 0123456789abcdef", reply: "-NOSUPPORT SET IFDEQ needs a server that has it...", ours: true},
		{before: "SET k a", call: "SET k b IFDNE 0123456789abcdef", reply: "-NOSUPPORT SET IFDNE needs a server that has it...", ours: true},
	})
}

func TestSetIfFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"SET k a EX 5000", "SET k b IFEQ a"},
		{"SET k a", "SET k b IFEQ a EX 5000 GET"},
		{"SET k a", "SET k b IFNE x PX 5000000"},
		{"SET k a EX 9000", "SET k b IFEQ a KEEPTTL"},
		{"SET k a EX 9000", "SET k b IFEQ a EXAT {s+5000}"},
		{"SET k a EX 9000", "SET k b IFNE x PXAT {ms+5000000}"},
	})
}

// TestSetPasses: calls of SET that the upstream judges by itself are left alone, byte for byte.
func TestSetPasses(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	has := func(tokens ...string) *Upstream {
		return &Upstream{Scripts: true, Native: rg.Native(func(p Probe) bool {
			for _, token := range tokens {
				if p == (Probe{"set", token}) {
					return true
				}
			}
			return false
		})}
	}
	for _, tc := range []struct {
		up   *Upstream
		call string
		pass bool
	}{
		{has(), "SET k v", true}, {has(), "SET k v NX GET", true}, {has(), "SET k v EX IFEQ", true}, {has(), "SET k IFEQ", true},
		{has(), "SET k", true}, {has(), "SET k v FOO", true}, {has(), "SET IFEQ IFNE", true},
		{has(), "SET k v IFEQ x", false}, {has(), "SET k v EX 10 ifne x", false}, {has(), "SET k v FOO IFEQ x", false},
		{has("IFEQ"), "SET k v IFEQ x", true}, {has("IFEQ"), "SET k v IFNE x", false}, {has("IFEQ"), "SET k v IFEQ IFNE", true},
		{has("IFEQ"), "SET k v IFDEQ x", false},
		{has("IFEQ", "IFNE", "IFDEQ", "IFDNE"), "SET k v IFDEQ x", true}, {has("IFEQ", "IFNE", "IFDEQ", "IFDNE"), "SET k v IFNE x", true},
	} {
		frame, call, err := rewrite(t, rg, tc.up, splitWords(t, tc.call, epoch)...)
		if call.Pass != tc.pass || tc.pass && (err != nil || len(frame) > 0) {
			t.Errorf("%s: passes %v, want %v (%v)", tc.call, call.Pass, tc.pass, err)
		}
	}
}
