package commands

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The files in testdata/describe are what servers answered to COMMAND INFO zunionstore sadd and COMMAND DOCS zunionstore.

const zunionstoreJSON = `{
	"summary": "?", "since": "2.0.0", "group": "sorted-set", "arity": -4,
	"complexity": "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
	"command_flags": ["WRITE", "DENYOOM"], "acl_categories": ["SORTEDSET"],
	"key_specs": [
		{"flags": ["OW", "UPDATE"], "begin_search": {"index": {"pos": 1}}, "find_keys": {"range": {"lastkey": 0, "step": 1, "limit": 0}}},
		{"flags": ["RO", "ACCESS"], "begin_search": {"index": {"pos": 2}}, "find_keys": {"keynum": {"keynumidx": 0, "firstkey": 1, "step": 1}}}
	],
	"arguments": [
		{"name": "destination", "type": "key"}, {"name": "numkeys", "type": "integer"}, {"name": "key", "type": "key", "multiple": true},
		{"name": "weight", "type": "integer", "token": "WEIGHTS", "optional": true, "multiple": true},
		{"name": "aggregate", "type": "oneof", "token": "AGGREGATE", "optional": true, "arguments": [
			{"name": "sum", "type": "pure-token", "token": "SUM"}, {"name": "min", "type": "pure-token", "token": "MIN"},
			{"name": "max", "type": "pure-token", "token": "MAX"}]},
		{"name": "future", "type": "pure-token", "token": "FUTURE", "optional": true, "unsupported": "NOSUPPORT not yet"}
	]}`

const saddJSON = `{"arity": -3, "command_flags": ["WRITE", "DENYOOM", "FAST"], "acl_categories": ["SET"],
	"key_specs": [{"flags": ["RW", "INSERT"], "begin_search": {"index": {"pos": 1}}, "find_keys": {"range": {"lastkey": 0, "step": 1, "limit": 0}}}]}`

func describe(t *testing.T, name, text string) *Description {
	t.Helper()
	c := &Custom{name: name, spec: &Spec{}}
	if err := json.Unmarshal([]byte(text), c.spec); err != nil {
		t.Fatal(err)
	}
	c.arity = c.spec.Arity
	var err error
	if c.keys, err = parseKeySpecs(c.spec.KeySpecs); err != nil {
		t.Fatal(err)
	}
	return c.Describe()
}

// TestDescribeAsServers: a command of ours that is like one of a server is described as that server describes its own, byte
// for byte.
func TestDescribeAsServers(t *testing.T) {
	files, err := filepath.Glob("testdata/describe/*.resp?.*")
	if err != nil || len(files) < 18 {
		t.Fatalf("%d recorded replies, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := string(b)
			f := Form{RESP3: strings.Contains(file, "resp3"), Fields: 10, SubsSet: !strings.Contains(file, "valkey-9"),
				DisplayText: !strings.Contains(file, "redis-7.0")}
			if strings.Contains(file, "redis-6.0") {
				f.Fields = 7
			}
			z := describe(t, "zunionstore", zunionstoreJSON)
			z.Summary = "Stores the union of multiple sorted sets in a key."
			if !f.DisplayText {
				z.Summary = "Add multiple sorted sets and store the resulting sorted set in a new key"
			}
			var got []byte
			switch {
			case strings.HasSuffix(file, ".info"):
				got = describe(t, "sadd", saddJSON).AppendInfo(z.AppendInfo([]byte("*2\r\n"), f), f)
			case f.RESP3:
				got = z.AppendDocs([]byte("%1\r\n"), f)
			default:
				got = z.AppendDocs([]byte("*2\r\n"), f)
			}
			if string(got) != want {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
		})
	}
}

// TestDescribeDocs: what Redis has no field for is there too.
func TestDescribeDocs(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	got := string(r.Lookup([]byte("purge")).Describe().AppendDocs(nil, Form{RESP3: true}))
	for _, want := range []string{"$5\r\npurge\r\n%7\r\n", "$5\r\nbound\r\n", "$5\r\nretry\r\n$1\r\nS\r\n", "$6\r\nDRYRUN\r\n", "$5\r\nSWEEP\r\n", "+optional\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

func TestDescribeProxy(t *testing.T) {
	d := DescribeProxy()
	var names []string
	d.Each(func(d *Description) {
		names = append(names, d.Name)
		if !slices.Equal(d.Categories, []string{"admin", "slow", "dangerous"}) || d.Summary == "" {
			t.Errorf("%s: categories %v, summary %q", d.Name, d.Categories, d.Summary)
		}
	})
	if got := strings.Join(names, " "); got != "proxy proxy|clients proxy|commands proxy|help proxy|info proxy|purge proxy|purges" {
		t.Errorf("names %s", got)
	}
}

func TestSelected(t *testing.T) {
	d := DescribeProxy()
	for _, tt := range []struct {
		kind, value  string
		selected, ok bool
	}{
		{"aclcat", "admin", true, true}, {"ACLCAT", "ADMIN", true, true}, {"aclcat", "read", false, true}, {"aclcat", "nosuch", false, true},
		{"pattern", "p*", true, true}, {"Pattern", "PROXY", true, true}, {"pattern", "prox", false, true},
		{"module", "proxy", false, true}, {"nosuch", "proxy", false, false},
	} {
		if selected, ok := d.Selected(tt.kind, tt.value); selected != tt.selected || ok != tt.ok {
			t.Errorf("FILTERBY %s %s: %v, %v", tt.kind, tt.value, selected, ok)
		}
	}
}

func TestGlobMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"**", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abcb", false},
		{"*b*d", "abcbd", true}, {"a?c", "abc", true}, {"a?", "a", false}, {"[a-c]x", "bx", true}, {"[c-a]x", "bx", true}, {"[^a]x", "ax", false},
		{"[^a]x", "bx", true}, {`\*`, "*", true}, {`\*`, "a", false}, {`[\]]`, "]", true}, {"[ab", "b", false}, {`a\`, `a\`, true},
		{strings.Repeat("*a", 40), strings.Repeat("a", 39) + "b", false}, {"config|*", "config|set", true},
	} {
		if got := globMatch(tt.pattern, tt.s); got != tt.want {
			t.Errorf("globMatch(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}

// TestFindKeys: keys are found where Redis finds them.
func TestFindKeys(t *testing.T) {
	spec := func(begin, find string) string {
		return fmt.Sprintf(`{"flags": ["RO"], "begin_search": {%s}, "find_keys": {%s}}`, begin, find)
	}
	index := func(n int) string { return fmt.Sprintf(`"index": {"pos": %d}`, n) }
	keyword := func(w string, from int) string {
		return fmt.Sprintf(`"keyword": {"keyword": %q, "startfrom": %d}`, w, from)
	}
	span := func(last, step, limit int) string {
		return fmt.Sprintf(`"range": {"lastkey": %d, "step": %d, "limit": %d}`, last, step, limit)
	}
	keynum := func(idx, first, step int) string {
		return fmt.Sprintf(`"keynum": {"keynumidx": %d, "firstkey": %d, "step": %d}`, idx, first, step)
	}
	for _, tt := range []struct {
		name, specs, line, want string
		first, last, step       int
	}{
		{"get", spec(index(1), span(0, 1, 0)), "get k", "k", 1, 1, 1},
		{"mget", spec(index(1), span(-1, 1, 0)), "mget a b c", "a b c", 1, -1, 1},
		{"mset", spec(index(1), span(-1, 2, 0)), "mset a 1 b 2", "a b", 1, -1, 2},
		{"blpop", spec(index(1), span(-2, 1, 0)), "blpop a b 0", "a b", 1, -2, 1},
		{"lcs, in two", spec(index(1), span(0, 1, 0)) + "," + spec(index(2), span(0, 1, 0)), "lcs a b", "a b", 1, 2, 1},
		{"apart", spec(index(1), span(0, 1, 0)) + "," + spec(index(3), span(0, 1, 0)), "x a - b", "a b", 1, 1, 1},
		{"xread", spec(keyword("STREAMS", 1), span(-1, 1, 2)), "xread count 1 streams s t 0 0", "s t", 0, 0, 0},
		{"from the end", spec(keyword("KEYS", -2), span(-1, 1, 0)), "migrate h p - 0 9 keys a b", "a b", 0, 0, 0},
		{"no keyword", spec(keyword("KEYS", 1), span(-1, 1, 0)), "x a b", "!", 0, 0, 0},
		{"zunion", spec(index(1), keynum(0, 1, 1)), "zunion 2 a b withscores", "a b", 0, 0, 0},
		{"pairs", spec(index(1), keynum(0, 1, 2)), "msetex 2 a 1 b 2 NX", "a b", 0, 0, 0},
		{"no number", spec(index(1), keynum(0, 1, 1)), "zunion x a b", "!", 0, 0, 0},
		{"number of none", spec(index(1), keynum(0, 1, 1)), "zunion 0 a b", "!", 0, 0, 0},
		{"number too large", spec(index(1), keynum(0, 1, 1)), "zunion 3 a b", "!", 0, 0, 0},
		{"number beyond all", spec(index(1), keynum(0, 1, 9)), "zunion 9223372036854775807 a b", "!", 0, 0, 0},
		{"too short", spec(index(2), span(0, 1, 0)), "x a", "!", 2, 2, 1},
	} {
		keys, err := parseKeySpecs(json.RawMessage("[" + tt.specs + "]"))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var args [][]byte
		for _, w := range strings.Fields(tt.line) {
			args = append(args, []byte(w))
		}
		found, ok := (&Description{Keys: keys}).FindKeys(args)
		var got []string
		for _, k := range found {
			got = append(got, string(k.Name))
		}
		if !ok {
			got = []string{"!"}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q has keys %q, want %s", tt.name, tt.line, got, tt.want)
		}
		if first, last, step := legacyRange(keys); first != tt.first || last != tt.last || step != tt.step {
			t.Errorf("%s: first %d last %d step %d, want %d %d %d", tt.name, first, last, step, tt.first, tt.last, tt.step)
		}
		if movable(keys) != (tt.first == 0) {
			t.Errorf("%s: movable %v", tt.name, movable(keys))
		}
	}
}

// TestBadKeySpecs: a specification that can't be read is refused when the catalogue is loaded.
func TestBadKeySpecs(t *testing.T) {
	for _, text := range []string{
		`{}`, `[{}]`, `[{"begin_search": {"index": {"pos": 1}}}]`, `[{"find_keys": {"range": {"step": 1}}}]`,
		`[{"begin_search": {"index": {"pos": 0}}, "find_keys": {"range": {"step": 1}}}]`,
		`[{"begin_search": {"index": {"pos": 1}}, "find_keys": {"range": {"step": 0}}}]`,
		`[{"begin_search": {"index": {"pos": 1}, "keyword": {"keyword": "K", "startfrom": 1}}, "find_keys": {"range": {"step": 1}}}]`,
		`[{"begin_search": {"keyword": {"keyword": "K"}}, "find_keys": {"range": {"step": 1}}}]`,
		`[{"begin_search": {"index": {"pos": 1}}, "find_keys": {"range": {"step": 1}, "keynum": {"step": 1}}}]`,
		`[{"begin_search": {"unknown": null}, "find_keys": {"range": {"step": 1}}}]`,
	} {
		if keys, err := parseKeySpecs(json.RawMessage(text)); err == nil {
			t.Errorf("%s: taken as %+v", text, keys)
		}
	}
}

func TestScriptNames(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	got := r.Lookup([]byte("purge")).Scripts()
	for i, up := range []*Upstream{{}, {Shebang: true}} {
		for _, text := range r.Texts(up) {
			for _, n := range got {
				if n.Script == text.Name && []string{n.Plain, n.Shebang}[i] != text.SHA1 {
					t.Errorf("%+v: loaded as %s", n, text.SHA1)
				}
			}
		}
	}
	if len(got) != 4 || got[0].Script != "purge" || got[1].Script != "purge-dryrun" || got[2].Script != "purge-step" || got[3].Script != "purge-match" {
		t.Errorf("scripts %+v", got)
	}
}
