package commands

import (
	"fmt"
	"strings"
	"testing"
)

func TestHgetdel(t *testing.T) {
	const (
		arity    = "-ERR wrong number of arguments for 'hgetdel' command"
		word     = "-ERR Mandatory argument FIELDS is missing or not at the right position"
		positive = "-ERR Number of fields must be a positive integer"
		match    = "-ERR The `numfields` parameter must match the number of arguments"
	)
	semantics(t, []semantic{
		{before: "HSET k a 1 b 2 c 3", call: "HGETDEL k FIELDS 1 a", reply: `["1"]`, after: "HSET k b 2 c 3"},
		{before: "HSET k a 1 b 2 c 3; EXPIRE k 5000", call: "hgetdel k fields 2 c a", reply: `["3" "1"]`, after: "HSET k b 2; EXPIRE k 5000"},
		{before: "HSET k a 1 b 2", call: "HGETDEL k FIELDS 3 b x a", reply: `["2" $-1 "1"]`, after: "none"},
		{before: "HSET k a 1 b 2", call: "HGETDEL k FIELDS 1 x", reply: "[$-1]"},
		{before: "HSET k a 1 b 2", call: "HGETDEL k FIELDS 3 b b b", reply: `["2" $-1 $-1]`, after: "HSET k a 1"},
		{before: "HSET k b 2", call: "HGETDEL k FIELDS 3 b a b", reply: `["2" $-1 $-1]`, after: "none"},
		{before: "SET other x", call: "HGETDEL k FIELDS 2 a b", reply: "[$-1 $-1]"},
		{before: `HSET k "" "" "a\x00\r\n" "\xff\x00"`, call: `HGETDEL k FIELDS 2 "a\x00\r\n" ""`, reply: `["\xff\x00" ""]`, after: "none"},
		{before: "HSET k a 9007199254740993 b 2", call: "HGETDEL k FIELDS 1 a", reply: `["9007199254740993"]`, after: "HSET k b 2"},
		{before: "HSET k FIELDS 1 b 2", call: "HGETDEL k FIELDS 1 FIELDS", reply: `["1"]`, after: "HSET k b 2"},

		{before: "HSET k a 1", call: "HGETDEL k FIELDS 1", reply: arity},
		{before: "HSET k a 1", call: "HGETDEL k", reply: arity},
		{before: "HSET k a 1", call: "HGETDEL k FOO 1 a", reply: word},
		{before: "HSET k a 1", call: "HGETDEL k 1 FIELDS a", reply: word},
		{before: "HSET k a 1", call: "HGETDEL k FOO 0 a", reply: word},
		{before: "", call: "HGETDEL k FOO 1 a", reply: word},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS 0 a", reply: positive},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS -1 a", reply: positive},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS x a", reply: positive},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS 01 a", reply: positive},
		{before: "HSET k a 1", call: `HGETDEL k FIELDS "" a`, reply: positive},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS 99999999999999999999 a", reply: positive},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS -9223372036854775808 a", reply: positive},
		{before: "", call: "HGETDEL k FIELDS 0 a", reply: positive},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS 9223372036854775807 a", reply: match},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS 2 a", reply: match},
		{before: "HSET k a 1", call: "HGETDEL k FIELDS 1 a b", reply: match},
		{before: "", call: "HGETDEL k FIELDS 2 a", reply: match},
		{before: "SET k a", call: "HGETDEL k FIELDS 1 a", reply: wrongType},
		{before: "SET k a", call: "HGETDEL k FIELDS 0 a", reply: wrongType, ours: true}, // Valkey looks at the number first
		{before: "SET k a", call: "HGETDEL k FOO 2 a", reply: wrongType, ours: true},
	})
}

// TestHgetdelMany: more fields than Lua hands over in a call, and more than are taken.
func TestHgetdelMany(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		fields := keyNames("f%d", 9001)
		set := []string{"HSET", "k", "stays", "1"}
		for _, f := range fields {
			set = append(set, f, f)
		}
		c.do(set...)
		many := append(keyNames("none%d", 91_000), "stays")
		if got := c.call(append([]string{"HGETDEL", "k", "FIELDS", "100001"}, append(many, fields[:9000]...)...)...); !strings.HasPrefix(got, "-LIMIT ") {
			t.Errorf("beyond the bound: %.100q", got)
		}
		got := show(c.call(append([]string{"HGETDEL", "k", "FIELDS", "9001"}, fields...)...))
		var want []string
		for _, f := range fields {
			want = append(want, fmt.Sprintf("%q", f))
		}
		if got != "["+strings.Join(want, " ")+"]" {
			t.Errorf("9,001 fields: %.200s", got)
		}
		if got := c.do("HLEN", "k"); got != ":1" {
			t.Errorf("left: %s", got)
		}
	})
}

func TestHgetdelFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"HSET k a 1 b 2; EXPIRE k 5000", "HGETDEL k FIELDS 2 a x"},
		{"HSET k a 1", "HGETDEL k FIELDS 1 a"},
	})
}
