package commands

import (
	"fmt"
	"strings"
	"testing"
)

func TestMsetex(t *testing.T) {
	const (
		arity     = "-ERR wrong number of arguments for 'msetex' command"
		numkeys   = "-ERR invalid numkeys value or out of range"
		badExpiry = "-ERR invalid expire time in 'msetex' command"
	)
	semantics(t, []semantic{
		{before: "", call: "MSETEX 1 k a", reply: ":1", after: "SET k a"},
		{before: "SET k x EX 5000; RPUSH l a", call: "MSETEX 3 k a l b m c", reply: ":1", after: "MSET k a l b m c"},
		{before: "", call: `msetex 2 "" "" "k\x00\r\n" "\xff\x00"`, reply: ":1", after: `MSET "" "" "k\x00\r\n" "\xff\x00"`},
		{before: "", call: "MSETEX 2 k a k b", reply: ":1", after: "SET k b"},
		{before: "", call: "MSETEX 2 k v NX XX", reply: ":1", after: "MSET k v NX XX"},

		{before: "", call: "MSETEX 2 k a l b NX", reply: ":1", after: "MSET k a l b"},
		{before: "SET l x", call: "MSETEX 2 k a l b NX", reply: ":0"},
		{before: "", call: "MSETEX 2 k a k b NX", reply: ":1", after: "SET k b"},
		{before: "MSET k x l x", call: "MSETEX 2 k a l b XX", reply: ":1", after: "MSET k a l b"},
		{before: "SET l x", call: "MSETEX 2 k a l b XX", reply: ":0"},
		{before: "SET k x", call: "MSETEX 2 k a k b XX XX", reply: ":1", after: "SET k b"},
		{before: "HSET k a b", call: "MSETEX 1 k a XX", reply: ":1", after: "SET k a"},
		{before: "HSET k a b", call: "MSETEX 1 k a NX NX", reply: ":0"},

		{before: "", call: "MSETEX 2 k a l b EX 5000", reply: ":1", after: "SET k a EX 5000; SET l b EX 5000"},
		{before: "SET k x EX 9000", call: "MSETEX 1 k a EX 1 EX 5000", reply: ":1", after: "SET k a EX 5000"},
		{before: "", call: "MSETEX 2 k a l b PX 5000000 NX", reply: ":1", after: "SET k a EX 5000; SET l b EX 5000"},
		{before: "", call: "MSETEX 2 k a l b NX EXAT {s+5000}", reply: ":1", after: "SET k a EX 5000; SET l b EX 5000"},
		{before: "RPUSH k a", call: "MSETEX 2 k a l b PXAT {ms+5000000}", reply: ":1", after: "SET k a EX 5000; SET l b EX 5000"},
		{before: "SET k x EX 5000; SET l x", call: "MSETEX 3 k a l b m c KEEPTTL", reply: ":1", after: "SET k a EX 5000; SET l b; SET m c"},
		{before: "SET k x EX 5000", call: "MSETEX 1 k a KEEPTTL KEEPTTL", reply: ":1", after: "SET k a EX 5000"},
		{before: "SET k x; SET l x", call: "MSETEX 1 k a EXAT 1", reply: ":1", after: "SET l x"},
		{before: "SET k x", call: "MSETEX 1 k a NX EXAT 1", reply: ":0"},
		{before: "SET k x", call: "MSETEX 2 k a m b PXAT {ms-1000}", reply: ":1", after: "none"},

		{before: "SET k x", call: "MSETEX 1 k", reply: arity},
		{before: "SET k x", call: "MSETEX", reply: arity},
		{before: "SET k x", call: "MSETEX 0 k a", reply: numkeys},
		{before: "SET k x", call: "MSETEX -1 k a", reply: numkeys},
		{before: "SET k x", call: "MSETEX x k a", reply: numkeys},
		{before: "SET k x", call: "MSETEX 1.0 k a", reply: numkeys},
		{before: "SET k x", call: "MSETEX 01 k a", reply: numkeys},
		{before: "SET k x", call: "MSETEX 2147483648 k a", reply: numkeys},
		{before: "SET k x", call: "MSETEX 99999999999999999999 k a", reply: numkeys},
		{before: "SET k x", call: "MSETEX 2147483647 k a", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 2 k a", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 2 k a l", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a l", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a NX XX", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a XX FOO EX 0", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a EX", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a EX 1 PX 1", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a KEEPTTL EX 1", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a EX 0 FOO", reply: syntaxErr},
		{before: "SET k x", call: "MSETEX 1 k a EX x", reply: notInteger},
		{before: "SET k x", call: "MSETEX 1 k a NX EX 0", reply: badExpiry},
		{before: "SET k x", call: "MSETEX 1 k a NX EX 9223372036854775807", reply: badExpiry},
	})
}

// TestMsetexMany: more keys than Lua hands over in a call, and more than are taken.
func TestMsetexMany(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		call := func(n int, options ...string) []string {
			args := []string{"MSETEX", fmt.Sprint(n)}
			for i := range n {
				args = append(args, fmt.Sprintf("k:%d", i), fmt.Sprint(i))
			}
			return append(args, options...)
		}
		c.want(":1", call(9001, "NX", "PX", "5000000")...)
		c.left(9001)
		c.want(":0", call(9002, "NX")...)
		c.want(":0", call(9002, "XX")...)
		c.want(":1", call(9001, "XX", "KEEPTTL")...)
		c.left(9001)
		if got := c.do("GET", "k:9000"); got != "$4\r\n9000" {
			t.Errorf("the last value: %q", got)
		}
		if got := c.call(call(100_001)...); !strings.HasPrefix(got, "-LIMIT ") {
			t.Errorf("beyond the bound: %q", got)
		}
		c.left(9001)
	})
}

func TestMsetexFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"MSET k x l x", "MSETEX 3 k a l b m c"},
		{"SET k x EX 5000; RPUSH l x", "MSETEX 2 k a l b XX KEEPTTL"},
		{"SET other x", "MSETEX 2 k a l b NX EX 5000"},
		{"SET k x", "MSETEX 2 k a l b PX 5000000"},
		{"SET k x EX 5000", "MSETEX 2 k a l b EXAT {s+9000}"},
		{"SET k x", "MSETEX 2 k a l b PXAT {ms+9000000}"},
	})
}
