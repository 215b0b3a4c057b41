package commands

import (
	"strconv"
	"strings"
	"testing"
)

func TestXAPPEND(t *testing.T) {
	const (
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		invalid   = "-ERR Invalid stream ID specified as stream command argument"
		arity     = "-ERR wrong number of arguments for 'xappend' command"
		syntax    = "-ERR syntax error"
		x         = "XADD x 5-0 a 1; XADD x 5-3 b 2"
		top       = "XADD x 18446744073709551615-18446744073709551614 a 1"
	)
	semantics(t, []semantic{
		// The id of what is added is the server's, so these refuse.
		{before: x, call: "XAPPEND x EXPECT 5-2 f v", reply: "$-1"},
		{before: x, call: "xappend x expect 5 f v", reply: "$-1"},
		{before: x, call: "XAPPEND x EXPECT 0-0 f v", reply: "$-1"},
		{before: x, call: "XAPPEND x EXPECT 5-4 MAXLEN 1 f v", reply: "$-1"},
		{before: x, call: "XAPPEND x EXPECT 18446744073709551615-18446744073709551615 f v", reply: "$-1"},
		{call: "XAPPEND x EXPECT 0-1 f v", reply: "$-1"},
		{call: "XAPPEND x EXPECT 5 f v", reply: "$-1"},
		{before: top, call: "XAPPEND x EXPECT 18446744073709551615-18446744073709551613 f v", reply: "$-1"},
		{before: "XADD x 9007199254740993-9007199254740993 a 1", call: "XAPPEND x EXPECT 9007199254740993-9007199254740992 f v", reply: "$-1"},
		{before: "XADD x 9007199254740993-0 a 1", call: "XAPPEND x EXPECT 9007199254740992 f v", reply: "$-1"},
		// The stream's own error: no id is left.
		{before: "XADD x 18446744073709551615-18446744073709551615 a 1", call: "XAPPEND x EXPECT 18446744073709551615-18446744073709551615 f v", reply: "-ERR ..."},

		{before: x, call: "XAPPEND x EXPECT 5-3- f v", reply: invalid},
		{before: x, call: "XAPPEND x EXPECT -5 f v", reply: invalid},
		{before: x, call: "XAPPEND x EXPECT 5- f v", reply: invalid},
		{before: x, call: "XAPPEND x EXPECT * f v", reply: invalid},
		{before: x, call: "XAPPEND x EXPECT $ f v", reply: invalid},
		{before: x, call: `XAPPEND x EXPECT "" f v`, reply: invalid},
		{before: x, call: `XAPPEND x EXPECT " 5-3" f v`, reply: invalid},
		{before: x, call: `XAPPEND x EXPECT "5-3\x00" f v`, reply: invalid},
		{before: x, call: "XAPPEND x EXPECT 5-18446744073709551616 f v", reply: invalid},
		{before: x, call: "XAPPEND x EXPECT 18446744073709551616 f v", reply: invalid},
		{before: x, call: "XAPPEND x EXPECT 100000000000000000000-1 f v", reply: invalid},
		{before: "SET x v", call: "XAPPEND x EXPECT 5- f v", reply: invalid},
		{before: "SET x v", call: "XAPPEND x EXPECT 0-0 f v", reply: wrongType},
		{before: "RPUSH x v", call: "XAPPEND x EXPECT 5-3 MAXLEN 5 f v", reply: wrongType},
		{before: x, call: "XAPPEND x EXPECT 5-3 MAXLEN -1 f v", reply: "-ERR The MAXLEN argument must be >= 0."},
		{before: x, call: "XAPPEND x EXPECT 5-3 MAXLEN x f v", reply: "-ERR value is not an integer or out of range"},
		{before: x, call: "XAPPEND x EXPECT 5-3 MAXLEN ~ 5 f v", reply: "-ERR value is not an integer or out of range"},
		{before: x, call: "XAPPEND x EXPECT 5-3 f", reply: arity},
		{before: x, call: "XAPPEND x EXPECT 5-3 f v g", reply: arity},
		{before: x, call: "XAPPEND x EXPECT 5-3 MAXLEN 5", reply: arity},
		{before: x, call: "XAPPEND x EXPECT 5-3 MAXLEN 5 f", reply: arity},
		{before: x, call: "XAPPEND x f v g w", reply: syntax},
		{before: x, call: "XAPPEND x MAXLEN 5 f v", reply: syntax},
	})
}

// TestXAPPENDAdds: what is added, after which ids, and that neither trimming nor deleting makes the stream another.
func TestXAPPENDAdds(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		add := func(entries string, args ...string) (id string) {
			t.Helper()
			r, _ := parseReply(c.call(append([]string{"XAPPEND", "x"}, args...)...) + "\r\n")
			if ms, sequence, ok := strings.Cut(r.text, "-"); r.kind != '"' || !ok || strings.Trim(ms+sequence, "0123456789") != "" {
				t.Fatalf("%q: %v", args, r)
			}
			if got := c.do("XRANGE", "x", r.text, r.text); show(got) != `[["`+r.text+`" [`+entries+`]]]` {
				t.Errorf("%q: the entry is %s", args, show(got))
			}
			return r.text
		}
		id := add(`"f" "v"`, "EXPECT", "0-0", "f", "v")
		id = add(`"f" "\x00\xff\r\n" "g" ""`, "EXPECT", id, "f", "\x00\xff\r\n", "g", "")
		c.want("$-1", "XAPPEND", "x", "EXPECT", "0-0", "f", "v")
		if got := c.do("XLEN", "x"); got != ":2" {
			t.Errorf("XLEN %s", got)
		}
		// A word that was an option once is a field then.
		id = add(`"expect" "1" "maxlen" "2"`, "EXPECT", id, "MAXLEN", "100", "expect", "1", "maxlen", "2")
		id = add(`"f" "v" "MAXLEN" "1"`, "EXPECT", id, "f", "v", "MAXLEN", "1")
		id = add(`"f" "v"`, "EXPECT", id, "MAXLEN", "2", "f", "v")
		if got := c.do("XLEN", "x"); got != ":2" {
			t.Errorf("XLEN %s with MAXLEN 2", got)
		}
		// Leading zeros are no other id. Deleting and trimming change nothing.
		ms, sequence, _ := strings.Cut(id, "-")
		id = add(`"f" "v"`, "EXPECT", "000"+ms+"-000"+sequence, "f", "v")
		c.do("XDEL", "x", id)
		id = add(`"f" "v"`, "EXPECT", id, "f", "v")
		c.do("XTRIM", "x", "MAXLEN", "0")
		id = add(`"f" "v"`, "EXPECT", id, "f", "v")
		if got := show(c.call("XAPPEND", "x", "EXPECT", id, "MAXLEN", "0", "f", "v")); !strings.HasPrefix(got, `"`) {
			t.Errorf("MAXLEN 0: %s", got)
		}
		if got := c.do("XLEN", "x"); got != ":0" {
			t.Errorf("XLEN %s with MAXLEN 0", got)
		}
		c.want("$-1", "XAPPEND", "x", "EXPECT", id, "f", "v")

		// A number is its id with the sequence 0; a stream that never had an entry is at 0-0.
		c.do("DEL", "x")
		c.do("XADD", "x", "18446744073709551615", "f", "v")
		id = add(`"f" "v"`, "EXPECT", "18446744073709551615", "f", "v")
		if id != "18446744073709551615-1" {
			t.Errorf("after the last millisecond: %s", id)
		}
		c.do("DEL", "x")
		c.do("XGROUP", "CREATE", "x", "g", "$", "MKSTREAM")
		add(`"f" "v"`, "EXPECT", "0", "f", "v")
	})
}

func TestXAPPENDFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"XADD x 5-3 a 1", "XAPPEND x EXPECT 5-3 f v"}, {"XADD x 5-2 a 1; XADD x 5-3 a 1", "XAPPEND x EXPECT 5-3 MAXLEN 1 f v"}, {"", "XAPPEND x EXPECT 0-0 f v"},
	})
}

// TestXAPPENDBound: as many fields as it says, and not one more.
func TestXAPPENDBound(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		args := strings.Fields("XAPPEND x EXPECT 0-0")
		for i := range 1001 {
			args = append(args, strconv.Itoa(i), "v")
		}
		c.want("-LIMIT XAPPEND takes at most 1000 fields; nothing was changed", args...)
		c.left(0)
		if got := c.call(args[:len(args)-2]...); !strings.HasPrefix(got, "$") {
			t.Errorf("1,000 fields: %q", got)
		}
	})
}
