package session

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream/control"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// onlyPurge is the catalogue without its other commands, so that what is compared here
// does not grow with it.
func onlyPurge(t testing.TB) fs.FS {
	t.Helper()
	m := fstest.MapFS{}
	names, err := fs.Glob(scripts.FS, "purge*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "fail.lua", "marker.lua") {
		b, err := fs.ReadFile(scripts.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = &fstest.MapFile{Data: b}
	}
	return m
}

// tableFor makes the table of a proxy before an upstream with these commands.
func tableFor(t *testing.T, p Policy, known map[string]control.Info) *Table {
	t.Helper()
	reg, err := commands.Load(onlyPurge(t), commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return NewTable(p, reg, commands.Upstream{Scripts: true}, known, '\'')
}

// known has commands with and without subcommands, so is of a server from 7.0 on.
var known = map[string]control.Info{
	"get": {}, "eval": {}, "evalsha": {}, "config": {Subs: map[string]control.Info{"set": {}, "get": {}}}, "purge": {}, "slowlog": {}, "acl": {},
}

// oneLineReply shows a reply without its line ends.
func oneLineReply(b []byte) string { return strings.ReplaceAll(string(b), "\r\n", "|") }

const (
	purge7  = "*7|$5|purge|:-2|*1|+write|:0|:0|:0|*4|+@keyspace|+@write|+@slow|+@dangerous|"
	purge10 = "*10|$5|purge|:-2|*1|+write|:0|:0|:0|*4|+@keyspace|+@write|+@slow|+@dangerous|*0|*0|*0|"
	get7    = "*7|$3|get|:2|*1|+fast|:1|:1|:1|*1|+@read|"
	get10   = "*10|$3|get|:2|*1|+fast|:1|:1|:1|*1|+@read|*0|*0|*0|"
	get10v3 = "*10|$3|get|:2|~1|+fast|:1|:1|:1|~1|+@read|~0|~0|~0|"
	eval10  = "*10|$4|eval|:-3|*0|:0|:0|:0|*0|*0|*0|*0|"
	config  = "*10|$6|config|:-2|*0|:0|:0|:0|*0|*0|*0|*2|*10|$10|config|set|:-4|*0|:0|:0|:0|*0|*0|*0|*0|*10|$10|config|get|:-3|*0|:0|:0|:0|*0|*0|*0|*0|"
	cut     = "*10|$6|config|:-2|*0|:0|:0|:0|*0|*0|*0|*1|*10|$10|config|get|:-3|*0|:0|:0|:0|*0|*0|*0|*0|"
)

// lines undoes oneLineReply, for texts in which "|" stands only for a line end or
// between the names of a command and its subcommand.
func lines(s string) []byte {
	s = strings.NewReplacer("config|", "config\x00", "proxy|", "proxy\x00").Replace(s)
	s = strings.ReplaceAll(s, "|", "\r\n")
	s = strings.NewReplacer("$6\r\nconfig\x00", "$6\r\nconfig\r\n", "$5\r\nproxy\x00", "$5\r\nproxy\r\n").Replace(s)
	return []byte(strings.ReplaceAll(s, "\x00", "|"))
}

// TestMerge: what is refused goes, what is ours comes, and nothing else changes.
func TestMerge(t *testing.T) {
	open := Policy{}
	deny := Policy{Deny: []string{"config|set", "purge", "proxy|clients"}}
	for _, tt := range []struct {
		name, ask, upstream, want string
		policy                    Policy
		more, resp3               bool
	}{
		{"info", "COMMAND INFO get", "*1|" + get10, "*1|" + get10, open, false, false},
		{"info of ours", "COMMAND INFO Purge get", "*2|$-1|" + get10, "*1|" + purge10, open, true, false},
		{"info of ours, 6.0", "COMMAND INFO get purge get", "*3|" + get7 + "$-1|" + get7, "*2|" + get7 + purge7, open, true, false},
		{"a subcommand, 6.0", "COMMAND INFO proxy|info get", "*2|$-1|" + get7, "*1|$-1|", open, true, false},
		{"RESP3", "COMMAND INFO purge get", "*2|_|" + get10v3, "*1|" + strings.NewReplacer("|*", "|~").Replace(purge10), open, true, true},
		{"refused", "COMMAND INFO EVAL get", "*2|" + eval10 + get10, "*2|$-1|" + get10, open, false, false},
		{"refused, RESP3", "COMMAND INFO eval", "*1|" + eval10, "*1|_|", open, false, true},
		{"allowed", "COMMAND INFO eval", "*1|" + eval10, "*1|" + eval10, Policy{RawLua: true}, false, false},
		{"subcommands", "COMMAND INFO config", "*1|" + config, "*1|" + config, open, false, false},
		{"one refused", "COMMAND INFO config", "*1|" + config, "*1|" + cut, deny, false, false},
		{"ours refused", "COMMAND INFO purge", "*1|$-1|", "*1|$-1|", deny, false, false},
		{"none, 6.0", "COMMAND INFO", "*0|", "*0|", open, false, false},
		{"no template", "COMMAND INFO purge get", "*2|$-1|$-1|", "*1|" + purge10, open, true, false},
		{"whole table for a name", "COMMAND INFO get nosuch", "*3|" + eval10 + get10 + config, "*2|" + get10 + "$-1|", open, false, false},
		{"error", "COMMAND INFO purge get", "-NOPERM no|", "-NOPERM no|", open, true, false},
		{"not an array", "COMMAND INFO get", "+OK|", "+OK|", open, false, false},

		{"count", "COMMAND COUNT", ":100|", ":99|", open, false, false}, // proxy and purge come, eval, evalsha and the upstream's purge go
		{"list", "COMMAND LIST", "*3|$3|get|$4|eval|$10|config|set|", "*10|$3|get|$10|config|set|$5|proxy|$13|proxy|clients|$14|proxy|commands|$10|proxy|help|$10|proxy|info|$11|proxy|purge|$12|proxy|purges|$5|purge|", open, false, false},
		{"list, denied", "COMMAND LIST", "*2|$3|get|$10|config|set|", "*7|$3|get|$5|proxy|$14|proxy|commands|$10|proxy|help|$10|proxy|info|$11|proxy|purge|$12|proxy|purges|", deny, false, false},
		{"list by pattern", "COMMAND LIST FILTERBY PATTERN PUR*", "*1|$5|purge|", "*1|$5|purge|", open, false, false},
		{"list by category", "COMMAND LIST filterby aclcat keyspace", "*1|$3|get|", "*2|$3|get|$5|purge|", open, false, false},
		{"list by module", "COMMAND LIST FILTERBY MODULE m", "*0|", "*0|", open, false, false},

		{"keys of theirs", "COMMAND GETKEYS get k", "*1|$1|k|", "*1|$1|k|", open, false, false},
		{"docs", "COMMAND DOCS get eval", "*4|$3|get|*2|$1|a|$1|b|$4|eval|*0|", "*2|$3|get|*2|$1|a|$1|b|", open, false, false},
		{"docs of a subcommand", "COMMAND DOCS config|set", "*2|$10|config|set|*0|", "*0|", deny, false, false},
		{"docs with subcommands", "COMMAND DOCS config", "%1|$6|config|%1|$11|subcommands|%2|$10|config|set|%0|$10|config|get|%0|",
			"%1|$6|config|%1|$11|subcommands|%1|$10|config|get|%0|", deny, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frame := resp.AppendCommandStrings(nil, strings.Split(tt.ask, " ")...)
			table := tableFor(t, tt.policy, known)
			upstream := lines(tt.upstream)
			before := bytes.Clone(upstream)
			got := oneLineReply(table.answered(upstream, frame, tt.more, tt.resp3))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if !bytes.Equal(before, upstream) {
				t.Error("the upstream's reply was written to")
			}
		})
	}
}

// TestMergeDocs: ours stand where they were asked for, in the form that the rest
// has.
func TestMergeDocs(t *testing.T) {
	table := tableFor(t, Policy{}, known)
	ask := func(line, upstream string, more bool) string {
		return oneLineReply(table.answered(lines(upstream), resp.AppendCommandStrings(nil, strings.Split(line, " ")...), more, false))
	}
	const theirs = "$3|get|%1|$9|arguments|*1|%1|$12|display_text|$1|k|"
	got := ask("COMMAND DOCS purge get nosuch PROXY|INFO get", "%2|"+theirs+theirs, true)
	if !strings.HasPrefix(got, "%3|$5|purge|%7|") || !strings.Contains(got, "|"+theirs+"$10|proxy|info|%4|") || !strings.Contains(got, "$12|display_text|$5|limit|") {
		t.Errorf("by name: %s", got)
	}
	if strings.Count(got, theirs) != 1 {
		t.Errorf("the template is shown: %s", got)
	}
	got = ask("COMMAND DOCS", "*2|$3|get|*0|", false)
	if !strings.HasPrefix(got, "*6|$3|get|*0|$5|proxy|*10|") || !strings.Contains(got, "$5|purge|*14|") || strings.Contains(got, "display_text") {
		t.Errorf("all: %s", got)
	}
	// A stand-in that answers everything with its table of commands has no docs:
	// clients must not take it for docs.
	for _, line := range []string{"COMMAND DOCS", "COMMAND LIST"} {
		if got := ask(line, "*2|"+get7+get7, false); !strings.HasPrefix(got, "-ERR Unknown subcommand") {
			t.Errorf("%s of a stand-in: %s", line, got)
		}
	}
	if got, want := ask("COMMAND COUNT", "*2|"+get7+get7, false), fmt.Sprintf(":%d|", 2+table.shown.delta); got != want {
		t.Errorf("COUNT of a stand-in: %s, want %s", got, want)
	}
}

// TestMergeKeys: the keys of ours come from their key specs; the upstream only
// says that the user may ask.
func TestMergeKeys(t *testing.T) {
	table := tableFor(t, Policy{}, known)
	d := table.description([]byte("purge"))
	ask := func(sub, question string, resp3 bool) string {
		frame := resp.AppendCommandStrings(nil, "COMMAND", sub, "get", string(resp.AppendCommandStrings(nil, strings.Split(question, " ")...)))
		return oneLineReply(table.answered([]byte("*1\r\n$1\r\nx\r\n"), frame, true, resp3))
	}
	if got := ask("GETKEYS", "COMMAND GETKEYS purge x", false); got != "-ERR The command has no key arguments|" {
		t.Errorf("without keys: %s", got)
	}
	with := *d
	with.Keys = []commands.KeySpec{{Pos: 1, Step: 1, LastKey: 1, Flags: []string{"RW", "delete"}}}
	with.Arity = -3
	table.shown.ours["purge"] = &with
	for _, tt := range []struct {
		sub, question, want string
		resp3               bool
	}{
		{"GETKEYS", "COMMAND GETKEYS purge a b c", "*2|$1|a|$1|b|", false},
		{"getkeysandflags", "COMMAND GETKEYSANDFLAGS PURGE a b", "*2|*2|$1|a|*2|+RW|+delete|*2|$1|b|*2|+RW|+delete|", false},
		{"GETKEYSANDFLAGS", "COMMAND GETKEYSANDFLAGS purge a b", "*2|*2|$1|a|~2|+RW|+delete|*2|$1|b|~2|+RW|+delete|", true},
		{"GETKEYS", "COMMAND GETKEYS purge a", "-ERR Invalid number of arguments specified for command|", false},
	} {
		if got := ask(tt.sub, tt.question, tt.resp3); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.question, got, tt.want)
		}
	}
}

// TestParts: splitting and joining are each other's reverse, and what is no
// aggregate is not split.
func TestParts(t *testing.T) {
	files, err := filepath.Glob("../../commands/testdata/describe/*.resp?.*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d recorded replies, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		kind, elems, ok := parts(b)
		if !ok || !bytes.Equal(joined(kind, elems), b) {
			t.Errorf("%s: %v, joined %.100q", f, ok, joined(kind, elems))
		}
		for n := range len(b) {
			if _, _, ok := parts(b[:n]); ok {
				t.Fatalf("%s: its first %d of %d bytes were taken for a reply", f, n, len(b))
			}
		}
	}
	for _, bad := range []string{"", "*", "*\r\n", "*x\r\n", "*-1\r\n", "$1\r\na\r\n", "+OK\r\n", "*2\r\n:1\r\n", "*1\r\n:1\r\n:2\r\n", "%1\r\n:1\r\n", "*1\r\n?\r\n", "*99999999999999999999\r\n"} {
		if kind, elems, ok := parts([]byte(bad)); ok {
			t.Errorf("%q: %c, %q", bad, kind, elems)
		}
	}
}

func FuzzMerge(f *testing.F) {
	reg, err := commands.Load(onlyPurge(f), commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
	if err != nil {
		f.Fatal(err)
	}
	table := NewTable(Policy{Deny: []string{"config|set"}}, reg, commands.Upstream{}, known, '\'')
	for _, line := range []string{"COMMAND", "COMMAND INFO purge get", "COMMAND COUNT", "COMMAND LIST FILTERBY PATTERN *", "COMMAND DOCS purge get"} {
		for _, reply := range []string{"*1|" + get10, "*2|" + config + get7, ":1|", "*2|$3|get|*0|", "%1|$6|config|%1|$11|subcommands|%1|$10|config|set|%0|", "*1|*7|*0|*0|*0|*0|*0|*0|*0|"} {
			f.Add(resp.AppendCommandStrings(nil, strings.Split(line, " ")...), lines(reply), true)
		}
	}
	f.Fuzz(func(t *testing.T, frame, reply []byte, more bool) {
		// Only whole replies and whole commands with at least as many arguments as
		// were sent get here.
		var scan resp.Replies
		if n, done, err := scan.Next(reply); err != nil || !done || n != len(reply) || reply[0] == '|' || reply[0] == '>' {
			return
		}
		args := resp.AppendArgs(nil, frame)
		if len(args) == 0 || more && len(args) < 3 {
			return
		}
		if v := table.lookup(args[0]); len(args) > 1 && v.subs != nil && more {
			if a := v.sub(args[1]).ask; a == askKeys || a == askKeyFlags {
				return
			}
		}
		got := table.answered(reply, frame, more, false)
		scan.Reset()
		if n, done, err := scan.Next(got); err != nil || !done || n != len(got) {
			t.Fatalf("%q to %q: %q is not one reply", reply, frame, got)
		}
	})
}
