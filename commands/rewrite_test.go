package commands

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var everything = &Upstream{Scripts: true, Shebang: true, ACLCheck: true, ReadOnlyEval: true}

// TestRewritePurge: the frame's arguments are those that the script's comment promises. A ~ stands for an empty one.
func TestRewritePurge(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	for _, tc := range []struct{ call, argv string }{
		{"PURGE a*", "1 a* 0 ~ 0 ~ 0 ~ 0 0 ~ 100000 10000"},
		{"purge prefix a* limit 5", "2 a\\** 1 5 0 ~ 0 ~ 0 0 ~ 100000 10000"},
		{"PuRgE prefix LIMIT", "2 LIMIT* 0 ~ 0 ~ 0 ~ 0 0 ~ 100000 10000"},
		{"PURGE limit LIMIT 100000", "1 limit 1 100000 0 ~ 0 ~ 0 0 ~ 100000 10000"},
		{"PURGE a IFEQ IFEQ TYPE ZSET NOEXPIRE", "1 a 0 ~ 1 zset 0 ~ 1 1 IFEQ 100000 10000"},
		{"PURGE a NOEXPIRE IDLETIME 0 TYPE MyType-_9", "1 a 0 ~ 1 MyType-_9 1 0 1 0 ~ 100000 10000"},
		{"PURGE a IFEQ ", "1 a 0 ~ 0 ~ 0 ~ 0 1 ~ 100000 10000"},
		{"PURGE PREFIX ?[]\\", "2 \\?\\[\\]\\\\* 0 ~ 0 ~ 0 ~ 0 0 ~ 100000 10000"},
		{"PURGE a DRYRUN", "1 a 0 ~ 0 ~ 0 ~ 0 0 ~ 100000 10000"},
		{"PURGE a dryrun LIMIT 1", "1 a 1 1 0 ~ 0 ~ 0 0 ~ 100000 10000"},
	} {
		frame, call, err := rewrite(t, r, everything, strings.Split(tc.call, " ")...)
		if err != nil {
			t.Errorf("%s: %s", tc.call, err.Text)
			continue
		}
		args := parseFrame(t, frame)
		dry := strings.Contains(strings.ToUpper(tc.call), "DRYRUN")
		name, sha := "EVALSHA", shaOf(t, r, everything, "purge")
		if dry {
			name, sha = "EVALSHA_RO", shaOf(t, r, everything, "purge-dryrun")
		}
		if args[0] != name || args[1] != sha || args[2] != "0" || (call != Call{ReadOnly: dry, Gate: true, SHA: sha}) {
			t.Errorf("%s: %q, %+v", tc.call, args[:3], call)
		}
		want := strings.Split(strings.ReplaceAll(tc.argv, "~", ""), " ")
		if !slices.Equal(args[3:], want) {
			t.Errorf("%s:\n got %q\nwant %q", tc.call, args[3:], want)
		}
	}
	frame, _, _ := rewrite(t, r, &Upstream{Scripts: true}, "PURGE", "a", "DRYRUN")
	if args := parseFrame(t, frame); args[0] != "EVALSHA" || args[1] != shaOf(t, r, &Upstream{}, "purge-dryrun") {
		t.Errorf("an old upstream gets %q", args[:2])
	}
}

func shaOf(t *testing.T, r *Registry, up *Upstream, name string) string {
	t.Helper()
	for _, text := range r.Texts(up) {
		if text.Name == name {
			return text.SHA1
		}
	}
	t.Fatalf("no script %s", name)
	return ""
}

// TestRewritePurgeErrors: Redis's words, in Redis's order; what aborts a MULTI is told from what doesn't.
func TestRewritePurgeErrors(t *testing.T) {
	const (
		arity   = "ERR wrong number of arguments for 'purge' command"
		syntax  = "ERR syntax error"
		integer = "ERR value is not an integer or out of range"
		limit   = "ERR LIMIT must be between 1 and 100000"
		denied  = "DENIED ..."
	)
	r := loadCatalogue(t, testSettings)
	for _, tc := range []struct {
		call, want string
		aborts     bool
	}{
		{"PURGE", arity, true}, {"purge prefix", arity, true},
		{"PURGE a FOO", syntax, false}, {"PURGE a LIMIT", syntax, false}, {"PURGE a b", syntax, false}, {"PURGE PREFIX a b", syntax, false},
		{"PURGE a LIMIT 1 LIMIT 1", syntax, false}, {"PURGE a DRYRUN DRYRUN", syntax, false}, {"PURGE a PREFIX b", syntax, false},
		{"PURGE a IFEQ", syntax, false}, {"PURGE a ", syntax, false}, {"PURGE a LIMITS 1", syntax, false}, {"PURGE a LIMI 1", syntax, false},
		{"PURGE a LIMIT x FOO", integer, false}, {"PURGE a FOO LIMIT x", syntax, false},
		{"PURGE a LIMIT 01", integer, false}, {"PURGE a LIMIT +1", integer, false}, {"PURGE a LIMIT -0", integer, false},
		{"PURGE a LIMIT 1.0", integer, false}, {"PURGE a LIMIT ", integer, false}, {"PURGE a LIMIT 9223372036854775808", integer, false},
		{"PURGE a LIMIT 99999999999999999999999", integer, false}, {"PURGE a LIMIT 1\x00", integer, false},
		{"PURGE a LIMIT 0", limit, false}, {"PURGE a LIMIT -5", limit, false}, {"PURGE a LIMIT 100001", limit, false},
		{"PURGE a LIMIT 9223372036854775807", limit, false}, {"PURGE a LIMIT -9223372036854775808", limit, false},
		{"PURGE a IDLETIME -1", "ERR value is out of range, must be positive", false},
		{"PURGE a IDLETIME 1 IFEQ x", "ERR IDLETIME and IFEQ can't be combined: reading a value resets its idle time", false},
		{"PURGE a TYPE x", "ERR unknown type name 'x'", false}, {"PURGE a TYPE ", "ERR unknown type name ''", false},
		{"PURGE a TYPE Mod:ule-9", `ERR unknown type name 'Mod:ule-9'`, false},
		{"PURGE a TYPE \r\n+OK'\\\xff", `ERR unknown type name '\x0d\x0a+OK\x27\x5c\xff'`, false},
		{"PURGE a TYPE " + strings.Repeat("y", 70), "ERR unknown type name '" + strings.Repeat("y", 64) + "...'", false},
		{"PURGE a SWEEP LIMIT 1", "ERR LIMIT and SWEEP can't be combined...", false},
		{"PURGE * sweep", denied, true}, {"PURGE PREFIX  SNAPSHOT", denied, true},
		{"PURGE a SNAPSHOT SWEEP", syntax, false},
		{"PURGE *", denied, true}, {"PURGE ", denied, true}, {"PURGE PREFIX ", denied, true}, {"PURGE ?*", denied, true},
		{"PURGE [^x]*", denied, true}, {"PURGE *[a-z]", denied, true}, {"PURGE * FOO", syntax, false}, {"PURGE * LIMIT 0", limit, false},
		{"PURGE a*********", "LIMIT a pattern must not have more than 8 stars...", false},
		{"PURGE a" + strings.Repeat("b", 1024), "LIMIT a pattern or prefix must not be longer than 1024 bytes...", false},
		{"PURGE PREFIX a" + strings.Repeat("b", 1024), "LIMIT a pattern or prefix must not be longer than 1024 bytes...", false},
	} {
		before := []byte("before")
		var args [][]byte
		for _, a := range strings.Split(tc.call, " ") {
			args = append(args, []byte(a))
		}
		out, _, err := r.Lookup([]byte("purge")).Rewrite(before, args, everything)
		if string(out) != "before" {
			t.Errorf("%.80q: wrote %q", tc.call, out)
		}
		if err == nil {
			t.Errorf("%.80q: no error", tc.call)
			continue
		}
		start, ok := strings.CutSuffix(tc.want, "...")
		if err.Text != tc.want && !(ok && strings.HasPrefix(err.Text, start)) {
			t.Errorf("%.80q: %q, want %q", tc.call, err.Text, tc.want)
		}
		if err.Aborts() != tc.aborts || err.Arity != (tc.want == arity) {
			t.Errorf("%.80q: %+v, want aborts %v", tc.call, err, tc.aborts)
		}
	}
	for _, good := range []string{"a********", "a" + strings.Repeat("b", 1023), `\*\*\*\*\*\*\*\*\*\*`, "PREFIX **********", "a[**********]"} {
		if _, _, err := rewrite(t, r, everything, append([]string{"PURGE"}, strings.Split(good, " ")...)...); err != nil {
			t.Errorf("%.80q: %s", good, err.Text)
		}
	}
}

// TestRewriteNotAvailable: without scripts the reason is told, after what is wrong with the call itself.
func TestRewriteNotAvailable(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	for _, tc := range []struct {
		up   *Upstream
		want string
	}{
		{nil, "NOSUPPORT custom commands are not available"},
		{&Upstream{}, "NOSUPPORT custom commands are not available"},
		{&Upstream{Reason: "no\r\nright"}, `NOSUPPORT custom commands are not available: no\x0d\x0aright`},
	} {
		if _, _, err := rewrite(t, r, tc.up, "PURGE", "a"); err == nil || err.Text != tc.want || !err.Aborts() {
			t.Errorf("%+v: %+v", tc.up, err)
		}
		if _, _, err := rewrite(t, r, tc.up, "PURGE", "a", "b"); err == nil || err.Text != "ERR syntax error" {
			t.Errorf("%+v: %+v", tc.up, err)
		}
	}
}

// TestAllowWildcardOnly: the operator may allow patterns that match everything.
func TestAllowWildcardOnly(t *testing.T) {
	s := testSettings
	s.AllowWildcardOnly = true
	r := loadCatalogue(t, s)
	for _, args := range [][]string{{"PURGE", "*"}, {"PURGE", ""}, {"PURGE", "PREFIX", ""}, {"PURGE", "[a-z]?"}} {
		if _, _, err := rewrite(t, r, everything, args...); err != nil {
			t.Errorf("%q: %s", args, err.Text)
		}
	}
}

// TestGrammar: the forms that the catalogue's other commands will use, each with a made-up command. In what is wanted, the
// number of keys comes first, ! begins an error and ~ stands for an empty argument.
func TestGrammar(t *testing.T) {
	const (
		keys   = `{"name":"k","type":"key"},{"name":"l","type":"key"},{"name":"v","type":"string"}`
		expiry = `{"name":"exp","type":"oneof","optional":true,"arguments":[{"name":"s","type":"integer","token":"EX"},{"name":"ms","type":"integer","token":"PX"},{"name":"keep","type":"pure-token","token":"KEEPTTL"}]}`
		pairs  = `{"name":"numkeys","type":"integer","min":1,"max":1000,"range_error":"ERR numkeys"},{"name":"data","type":"block","multiple":true,"counted_by":"numkeys","arguments":[{"name":"k","type":"key"},{"name":"v","type":"string"}]},{"name":"cond","type":"oneof","optional":true,"arguments":[{"name":"nx","type":"pure-token","token":"NX"},{"name":"xx","type":"pure-token","token":"XX"}]},` + expiry
		tail   = `{"name":"k","type":"key"},{"name":"old","type":"string"},{"name":"more","type":"block","optional":true,"multiple":true,"arguments":[{"name":"f","type":"string"},{"name":"n","type":"integer"}]}`
		need   = `{"name":"k","type":"key"},{"name":"ms","type":"integer","token":"PX"},{"name":"fence","type":"key","token":"FENCE","optional":true}`
		lim    = `{"name":"k","type":"key"},{"name":"q","type":"integer","optional":true}`
		behind = `{"name":"k","type":"key"},{"name":"id","type":"string","token":"EXPECT"},{"name":"n","type":"integer","token":"MAX","optional":true,"min":0,"range_error":"ERR max"},{"name":"d","type":"block","multiple":true,"arguments":[{"name":"f","type":"string"},{"name":"v","type":"string"}]}`
		window = `{"name":"k","type":"key"},{"name":"w","type":"block","token":"LIMIT","optional":true,"arguments":[{"name":"a","type":"integer"},{"name":"b","type":"string"}]}`
	)
	for _, tc := range []struct{ arguments, call, want string }{
		{keys, "X a b c", "2 a b c"}, {keys, "X a b", "!ERR wrong number of arguments for 'x' command"}, {keys, "X a b c d", "!ERR syntax error"},
		{pairs, "X 2 a 1 b 2", "2 a b 2 2 1 2 0 ~ 0 ~"}, {pairs, "X 1 a 1 XX PX 7", "1 a 1 1 1 2 ~ 2 7"}, {pairs, "X 1 a NX keepttl", "1 a 1 1 NX 0 ~ 3 ~"},
		{pairs, "X 1 a NX ex 3 nx", "1 a 1 1 NX 1 ~ 1 3"}, {pairs, "X 1 a 1 NX XX", "!ERR syntax error"},
		{pairs, "X 1 a 1 EX", "!ERR syntax error"}, {pairs, "X 1 a 1 EX x", "!ERR value is not an integer or out of range"}, {pairs, "X 0 a 1", "!ERR numkeys"},
		{pairs, "X 2 a 1 b", "!ERR syntax error"}, {pairs, "X 1000 a 1", "!ERR syntax error"}, {pairs, "X 1 a 1 EX 9007199254740992", "!ERR value is beyond 2^53..."},
		{tail, "X k o", "1 k o 0"}, {tail, "X k o f 1", "1 k o 1 f 1"}, {tail, "X k o f 1 g -9007199254740991", "1 k o 2 f 1 g -9007199254740991"},
		{tail, "X k o f", "!ERR wrong number of arguments for 'x' command"}, {tail, "X k o f x", "!ERR value is not an integer or out of range"}, {tail, "X k", "!ERR wrong number of arguments..."},
		{need, "X k px 5", "1 k 5 0"}, {need, "X k FENCE f PX 5", "2 k f 5 1"}, {need, "X k FENCE f", "!ERR syntax error"}, {need, "X k", "!ERR syntax error"},
		{lim, "X k", "1 k 0 ~"}, {lim, "X k 3", "1 k 1 3"}, {lim, "X k 3 4", "!ERR syntax error"},
		{behind, "X k EXPECT 1 f v", "1 k 1 0 ~ 1 f v"}, {behind, "X k MAX 5 EXPECT 1 f v g w", "1 k 1 1 5 2 f v g w"},
		{behind, "X k EXPECT 1 expect v max 5", "1 k 1 0 ~ 2 expect v max 5"}, {behind, "X k EXPECT 1 MAX 5 MAX 6", "1 k 1 1 5 1 MAX 6"},
		{behind, "X k EXPECT 1 f", "!ERR wrong number of arguments..."}, {behind, "X k EXPECT 1", "!ERR wrong number of arguments..."}, {behind, "X k f v", "!ERR syntax error"},
		{behind, "X k EXPECT 1 MAX -1 f v", "!ERR max"}, {behind, "X k EXPECT 1 MAX 9007199254740992 f v", "!ERR value is beyond 2^53..."},
		{window, "X k", "1 k 0 ~ ~"}, {window, "X k LIMIT 1 b", "1 k 1 1 b"}, {window, "X k LIMIT 1", "!ERR syntax error"}, {window, "X k LIMIT b 1", "!ERR value is not an integer or out of range"},
	} {
		r, err := Load(fstest.MapFS{
			"fail.lua":   {Data: []byte("return {--[[texts]]}")},
			"marker.lua": {Data: []byte("return '--[[catalogue]]'")},
			"x.lua":      {Data: []byte("return 1")},
			"x.json":     {Data: []byte(testJSON("X", tc.arguments, ""))},
		}, testSettings)
		if err != nil {
			t.Errorf("%s: %v", tc.arguments, err)
			continue
		}
		frame, call, e := rewrite(t, r, everything, strings.Split(tc.call, " ")...)
		got := ""
		if e != nil {
			got = "!" + e.Text
		} else {
			got = strings.Join(parseFrame(t, frame)[2:], " ")
			if call.Gate || call.ReadOnly {
				t.Errorf("%s: %+v", tc.call, call)
			}
		}
		want := strings.ReplaceAll(tc.want, "~", "")
		if start, ok := strings.CutSuffix(want, "..."); got != want && !(ok && strings.HasPrefix(got, start)) {
			t.Errorf("%s\n%s: got %q, want %q", tc.arguments, tc.call, got, want)
		}
	}
}
