package commands

import (
	"strconv"
	"strings"
	"testing"
)

func TestHCAS(t *testing.T) {
	const wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
	semantics(t, []semantic{
		{before: "HSET h f old g 1", call: "HCAS h f old new", reply: ":1", after: "HSET h f new g 1"},
		{before: "HSET h f old g 1", call: "hcas h f old new g 2 x y", reply: ":1", after: "HSET h f new g 2 x y"},
		{before: "HSET h f old", call: "HCAS h f old old", reply: ":1"},
		{before: "HSET h f old", call: "HCAS h f ol new", reply: ":0"},
		{before: "HSET h f old", call: "HCAS h f OLD new x y", reply: ":0"},
		{before: "HSET h f old", call: `HCAS h f "" new`, reply: ":0"},
		{before: `HSET h f ""`, call: `HCAS h f "" new`, reply: ":1", after: "HSET h f new"},
		{before: `HSET h f new`, call: `HCAS h f new ""`, reply: ":1", after: `HSET h f ""`},
		{before: `HSET h "" x`, call: `HCAS h "" x y`, reply: ":1", after: `HSET h "" y`},
		{before: "HSET h g old", call: "HCAS h f old new", reply: ":-1"},
		{call: "HCAS h f old new x y", reply: ":-1"},
		{call: `HCAS h f "" new`, reply: ":-1"},
		{before: `HSET h "f\x00\xff" "\r\n$-1\r\n"`, call: `HCAS h "f\x00\xff" "\r\n$-1\r\n" "\xfe\x00"`, reply: ":1", after: `HSET h "f\x00\xff" "\xfe\x00"`},
		{before: "HSET h f 9007199254740993", call: "HCAS h f 9007199254740992 x", reply: ":0"},
		{before: "HSET h f 9007199254740993", call: "HCAS h f 9007199254740993 9007199254740995", reply: ":1", after: "HSET h f 9007199254740995"},
		{before: "HSET h f old", call: "HCAS h f old new f last", reply: ":1", after: "HSET h f last"},
		{before: "HSET h f old; PEXPIRE h 1000000", call: "HCAS h f old new", reply: ":1", after: "HSET h f new; PEXPIRE h 1000000"},
		{before: "SET h v", call: "HCAS h f old new", reply: wrongType},
		{before: "RPUSH h v", call: "HCAS h f old new x y", reply: wrongType},
		{before: "HSET h f old", call: "HCAS h f old", reply: "-ERR wrong number of arguments for 'hcas' command"},
		{before: "HSET h f old", call: "HCAS h f old new x", reply: "-ERR wrong number of arguments for 'hcas' command"},
		{before: "HSET h f old", call: "HCAS h f old new x y z", reply: "-ERR wrong number of arguments for 'hcas' command"},
	})
}

func TestHCASFailsWhole(t *testing.T) {
	failsWhole(t, []trial{{"HSET h f old", "HCAS h f old new x y"}})
}

// TestHCASBound: as many fields as it says, and not one more.
func TestHCASBound(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		c.do("HSET", "h", "f", "old")
		args := strings.Fields("HCAS h f old new")
		for i := range 1001 {
			args = append(args, strconv.Itoa(i), "v")
		}
		c.want("-LIMIT HCAS sets at most 1000 fields beside the one that it compares; nothing was changed", args...)
		if got := c.do("HGET", "h", "f"); got != "$3\r\nold" {
			t.Errorf("f is %q", got)
		}
		c.want(":1", args[:len(args)-2]...)
		if got := c.do("HLEN", "h"); got != ":1001" {
			t.Errorf("HLEN %s", got)
		}
	})
}
