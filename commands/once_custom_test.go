package commands

import (
	"strings"
	"testing"
)

// onceCustoms are calls of every command of the catalogue that ONCE takes, after a setup of the server's own commands.
var onceCustoms = []struct{ setup, call string }{
	{"SET k v", "SET k w IFEQ v"}, {"SET k v", "SET k w IFEQ x GET"}, {"SET k v", "SET k w IFNE v"}, {"SET k v", "DELEX k IFEQ v"},
	{"SET k v", "DELIFEQ k v"}, {"SET k v", "CAS k v w"}, {"SET k v", "CAS k x w EX 100"}, {"", "CAD k v"}, {"SET k 5", "INCREX k BYINT 3"},
	{"", "MSETEX 2 k 1 l 2 EX 100"}, {"HSET k f 1 g 2", "HGETDEL k FIELDS 3 f nosuch g"}, {"", "CL.THROTTLE k 5 10 60"},
	{"ZADD k 1 a 2.5 b", "ZPOPBYSCORE k 0 9 LIMIT 5"}, {"ZADD k 1 a 2.5 b", "ZMOVEBYSCORE k l 0 9 7 LIMIT 5"}, {"", "LOCK k me PX 5000"},
	{"", "UNLOCK k me"}, {"", "SEM.ACQUIRE k me LIMIT 2 PX 5000"}, {"", "SEM.RELEASE k me"}, {"HSET k f 1", "HCAS k f 1 2 g x"},
	{"", "EXSET k v"}, {"", "EXCAS k v 3"}, {"", "EXCAD k 3"}, {"", "XAPPEND k EXPECT 0-0 f v"}, {"SET k v", "XAPPEND k EXPECT 0-0 f v"},
	{"LPUSH k v", "CAS k v w"}, {"LPUSH k v", "INCREX k"},
}

// TestOnceOverCustom: a command of the catalogue behind ONCE does what it does alone, and a repeat gives its first reply.
func TestOnceOverCustom(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	seen := map[string]bool{}
	for _, tc := range onceCustoms {
		name, _, _ := strings.Cut(tc.call, " ")
		seen[strings.ToLower(name)] = true
	}
	for _, c := range rg.Commands() {
		if c.onceable() && !seen[c.name] {
			t.Errorf("%s is not tried", c.name)
		}
	}
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(rg)
		reset := func(setup string) {
			c.do("FLUSHALL")
			if setup != "" {
				c.do(strings.Fields(setup)...)
			}
		}
		for _, tc := range onceCustoms {
			call := strings.Fields(tc.call)
			reset(tc.setup)
			want := c.call(call...)
			reset(tc.setup)
			for range 3 {
				got := c.once(2, "t", call)
				if strings.HasPrefix(tc.call, "XAPPEND") && want[0] == '$' { // the id is the time
					got, want = got[:6], want[:6]
				}
				if got != want {
					t.Errorf("%s after %q: %q, alone %q", tc.call, tc.setup, got, want)
				}
			}
			if tokens := c.do("KEYS", "*:atomicproxy:once:*"); (tokens == "*0") != (want[0] == '-') {
				t.Errorf("%s: answered %q, and the tokens are %q", tc.call, want, tokens)
			}
		}
	})
}
