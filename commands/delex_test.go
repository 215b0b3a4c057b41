package commands

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var epoch = time.Unix(0, 0)

func TestDelex(t *testing.T) {
	const (
		arity     = "-ERR wrong number of arguments for 'delex' command"
		condition = "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"
		notString = "-ERR Key should be of string type if conditions are specified"
	)
	semantics(t, []semantic{
		{before: "SET k a; SET other a", call: "DELEX k IFEQ a", reply: ":1", after: "SET other a"},
		{before: "SET k a EX 5000", call: "DELEX k ifeq b", reply: ":0"},
		{before: "SET other a", call: "DELEX k IFEQ a", reply: ":0"},
		{before: "SET k a", call: "DELEX k IFNE a", reply: ":0"},
		{before: "SET k a", call: "DELEX k IFNE b", reply: ":1", after: "none"},
		{before: "", call: "DELEX k IFNE b", reply: ":0"},
		{before: `SET k ""`, call: `DELEX k IFEQ ""`, reply: ":1", after: "none"},
		{before: "", call: `DELEX k IFEQ ""`, reply: ":0"},
		{before: `SET k "\x00\xff"`, call: `DELEX k IFEQ "\x00\xff"`, reply: ":1", after: "none"},
		{before: `SET k "\x00\xff"`, call: `DELEX k IFNE "\x00"`, reply: ":1", after: "none"},
		{before: "SET k IFEQ", call: "DELEX k IFEQ IFEQ", reply: ":1", after: "none"},
		{before: "SET k a", call: "DELEX k", reply: ":1", after: "none"},
		{before: "RPUSH k a; SET other a", call: "DELEX k", reply: ":1", after: "SET other a"},
		{before: "", call: "DELEX k", reply: ":0"},
		{before: "RPUSH k a", call: "DELEX k IFEQ a", reply: notString},
		{before: "HSET k a b", call: "DELEX k IFNE a", reply: notString},

		{before: "SET k a", call: "DELEX", reply: arity},
		{before: "SET k a", call: "DELEX k IFEQ", reply: arity},
		{before: "SET k a", call: "DELEX k a", reply: arity},
		{before: "SET k a", call: "DELEX k IFEQ a b", reply: arity},
		{before: "SET k a", call: "DELEX k IFEQ a IFNE b", reply: arity},
		{before: "SET k a", call: "DELEX k FOO a", reply: condition},
		{before: "SET k a", call: "DELEX k IFDEQ 0123456789abcdef", reply: "-NOSUPPORT DELEX IFDEQ needs a server that has it...", ours: true},
		{before: "SET k a", call: "DELEX k IFDNE 0123456789abcdef", reply: "-NOSUPPORT DELEX IFDNE needs a server that has it...", ours: true},
	})
}

func TestDelifeq(t *testing.T) {
	semantics(t, []semantic{
		{before: "SET k a; SET other a", call: "DELIFEQ k a", reply: ":1", after: "SET other a"},
		{before: "SET k a EX 5000", call: "delifeq k b", reply: ":0"},
		{before: "SET other a", call: "DELIFEQ k a", reply: ":0"},
		{before: `SET k ""`, call: `DELIFEQ k ""`, reply: ":1", after: "none"},
		{before: "", call: `DELIFEQ k ""`, reply: ":0"},
		{before: `SET k "\x00\r\n"`, call: `DELIFEQ k "\x00\r\n"`, reply: ":1", after: "none"},
		{before: `SET k "\x00\r\n"`, call: `DELIFEQ k "\x00"`, reply: ":0"},
		{before: "ZADD k 1 a", call: "DELIFEQ k a", reply: wrongType},
		{before: "SET k a", call: "DELIFEQ k", reply: "-ERR wrong number of arguments for 'delifeq' command"},
		{before: "SET k a", call: "DELIFEQ k a b", reply: "-ERR wrong number of arguments for 'delifeq' command"},
	})
}

func TestDelexFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"SET k a EX 5000", "DELEX k IFEQ a"},
		{"SET k a", "DELEX k IFNE b"},
	})
}

func TestDelifeqFailsWhole(t *testing.T) {
	failsWhole(t, []trial{{"SET k a EX 5000", "DELIFEQ k a"}})
}

// TestDelexTranslated: an upstream that has the sibling gets that.
func TestDelexTranslated(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	has := func(command string) *Upstream {
		return &Upstream{Scripts: true, Native: rg.Native(func(p Probe) bool { return p == Probe{command, ""} })}
	}
	for _, tc := range []struct {
		has, call, want string // want "": a script
	}{
		{"delifeq", "DELEX k IFEQ a", "DELIFEQ k a"}, {"delifeq", "delex k ifeq IFNE", "DELIFEQ k IFNE"}, {"delifeq", "DELEX k IFNE a", ""},
		{"delifeq", "DELEX k", "DEL k"}, {"", "DELEX k", "DEL k"}, {"", "DELEX k IFEQ a", ""},
		{"delex", "DELIFEQ k a", "DELEX k IFEQ a"}, {"", "DELIFEQ k a", ""}, {"delex", `DELIFEQ k ""`, `DELEX k IFEQ `},
	} {
		frame, call, err := rewrite(t, rg, has(tc.has), splitWords(t, tc.call, epoch)...)
		if err != nil {
			t.Errorf("%s: %s", tc.call, err.Text)
			continue
		}
		args := parseFrame(t, frame)
		if tc.want == "" {
			if args[0] != "EVALSHA" || call.SHA == "" {
				t.Errorf("%s where there is %s: %q", tc.call, tc.has, args)
			}
			continue
		}
		if !slices.Equal(args, strings.Split(tc.want, " ")) || call.SHA != "" {
			t.Errorf("%s where there is %s: %q, want %s", tc.call, tc.has, args, tc.want)
		}
	}
}

// TestDelexArityInMulti: what Redis finds when it runs the command does not abort a transaction; what it finds when it
// queues it does.
func TestDelexArityInMulti(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	for call, aborts := range map[string]bool{"DELEX": true, "DELEX k IFEQ": false, "DELEX k a b c": false, "DELEX k FOO a": false} {
		_, _, err := rewrite(t, rg, everything, strings.Split(call, " ")...)
		if err == nil || err.Aborts() != aborts {
			t.Errorf("%s: %+v, want one that aborts %v", call, err, aborts)
		}
	}
}
