package e2e

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

const examples = "../../examples/commands"

// shelf is a directory of scripts that a test changes.
type shelf struct {
	tb  testing.TB
	dir string
}

func newShelf(tb testing.TB) *shelf { return &shelf{tb, tb.TempDir()} }

// put writes files, pairs of name and text.
func (s *shelf) put(files ...string) *shelf {
	s.tb.Helper()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(s.dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			s.tb.Fatal(err)
		}
	}
	return s
}

func (s *shelf) lock() *shelf {
	s.tb.Helper()
	if err := commands.WriteLock(s.dir); err != nil {
		s.tb.Fatal(err)
	}
	return s
}

// answering makes a command that answers a text.
func (s *shelf) answering(name, text string) *shelf {
	s.tb.Helper()
	return s.put(name+".lua", "return '"+text+"'\n", name+".json", fmt.Sprintf(`{"%s": {"summary": "Answers.", "complexity": "O(1)", "group": "generic",
		"since": "1.0.0", "arity": 2, "command_flags": ["READONLY"], "bound": "One step.", "retry": "S", "requires": "6.0.0", "needs": [],
		"key_specs": [{"flags": ["RO"], "begin_search": {"index": {"pos": 1}}, "find_keys": {"range": {"lastkey": 0, "step": 1, "limit": 0}}}],
		"arguments": [{"name": "key", "type": "key"}], "reply_schema": {"type": "string"}}}`, strings.ToUpper(name)))
}

// TestOperatorsExamples runs the examples of the guide's commands, in front of
// every server, and as a user with just the rights that they are said to need.
func TestOperatorsExamples(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		cfg := before(s)
		cfg.Scripts.Dir = examples
		r := startReady(t, cfg)
		c := r.dial(t)
		c.must(":2\r\n", "HSET", "stock", "pen", "10", "ink", "1")
		c.must("*1\r\n:1\r\n", "RESERVE", "stock", "cart:a", "900", "pen", "3", "ink", "1")
		c.must("*3\r\n:0\r\n$3\r\nink\r\n$1\r\n0\r\n", "reserve", "stock", "cart:b", "900", "pen", "2", "ink", "1")
		c.must(bulk("7"), "HGET", "stock", "pen")
		c.must(":0\r\n", "EXISTS", "cart:b")
		c.must(bulk("3"), "HGET", "cart:a", "pen")
		if ttl := c.do("TTL", "cart:a"); ttl != ":900\r\n" && ttl != ":899\r\n" {
			t.Errorf("TTL %q", ttl)
		}
		for _, bad := range []string{"900 pen 0", "900 pen -1", "900 pen 1.5", "900 pen 1 pen 1", "0 pen 1", "900 pen 99999999999999999999"} {
			c.mustFail("ERR", append([]string{"RESERVE", "stock", "cart:b"}, words(bad)...)...)
		}
		c.must("+OK\r\n", "SET", "text", "x")
		c.mustFail("WRONGTYPE", "RESERVE", "text", "cart:b", "900", "pen", "1")
		c.mustFail("WRONGTYPE", "RESERVE", "stock", "text", "900", "pen", "1")
		c.mustFail("LIMIT", append([]string{"RESERVE", "stock", "cart:b", "900"}, manyItems(101)...)...)
		c.must(":0\r\n", "EXISTS", "cart:b")
		c.must(bulk("7"), "HGET", "stock", "pen")
		board(c)
	})
}

func manyItems(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint("item", i), "1")
	}
	return out
}

// board plays on a leaderboard of three.
func board(c *client) {
	c.tb.Helper()
	for _, tt := range []struct{ call, want string }{
		{"30 ann", ":1\r\n"}, {"50 bob", ":1\r\n"}, {"40 cem", ":2\r\n"},
		{"10 dee", "$-1\r\n"}, {"30 eve", "$-1\r\n"}, {"20 ann", "$-1\r\n"}, {"31 eve", ":3\r\n"}, {"60 ann", ":1\r\n"}, {"55 bob", ":2\r\n"},
	} {
		c.must(tt.want, append([]string{"LEADERBOARD", "week"}, append(words(tt.call), "KEEP", "3")...)...)
		if n := c.do("ZCARD", "week"); n > ":3\r\n" {
			c.tb.Errorf("%s: the board has %q members", tt.call, n)
		}
	}
	c.must("*6\r\n$3\r\nann\r\n$2\r\n60\r\n$3\r\nbob\r\n$2\r\n55\r\n$3\r\ncem\r\n$2\r\n40\r\n", "ZREVRANGE", "week", "0", "-1", "WITHSCORES")
	c.must(":2\r\n", "LEADERBOARD", "week", "57", "fay", "KEEP", "2")
	c.must(":2\r\n", "ZCARD", "week")
	c.mustFail("ERR", "LEADERBOARD", "week", "x", "fay", "KEEP", "2")
	c.mustFail("ERR KEEP must be", "LEADERBOARD", "week", "1", "fay", "KEEP", "0")
	c.mustFail("WRONGTYPE", "LEADERBOARD", "text", "1", "fay", "KEEP", "2")
}

// TestOperatorsRights: a user who lacks one of the rights changes nothing.
func TestOperatorsRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		cfg := before(s)
		cfg.Scripts.Dir = examples
		r := startReady(t, cfg)
		direct := s.Dial(t)
		calls := map[string][]string{
			"RESERVE":     words("RESERVE k:stock k:cart 900 pen 3"),
			"LEADERBOARD": words("LEADERBOARD k:week 60 dee KEEP 3"),
		}
		registry, err := commands.Open(commands.Sources{Commands: examples}, commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
		if err != nil {
			t.Fatal(err)
		}
		for name, call := range calls {
			needs := registry.Lookup([]byte(name)).Spec().Needs
			for _, lacking := range append([]string{"", "keys"}, needs...) {
				direct.Do("FLUSHALL")
				direct.Do("HSET", "k:stock", "pen", "10")
				direct.Do("ZADD", "k:week", "1", "a", "2", "b", "3", "c")
				keys := "~k:*"
				if lacking == "keys" {
					keys = "~k:w*" // neither the cart nor the stock
					if name == "LEADERBOARD" {
						keys = "~k:s*"
					}
				}
				rules := []string{"ACL", "SETUSER", "u", "reset", "on", ">pw", keys, "+evalsha"}
				for _, n := range needs {
					if n != lacking {
						rules = append(rules, "+"+n)
					}
				}
				if got := direct.Do(rules...); got != "+OK\r\n" {
					t.Fatal(got)
				}
				was := direct.Do("HGETALL", "k:stock") + direct.Do("ZRANGE", "k:week", "0", "-1") + direct.Do("EXISTS", "k:cart")
				c := r.dial(t)
				c.must("+OK\r\n", "AUTH", "u", "pw")
				got := c.do(call...)
				is := direct.Do("HGETALL", "k:stock") + direct.Do("ZRANGE", "k:week", "0", "-1") + direct.Do("EXISTS", "k:cart")
				switch {
				case lacking == "" && (redistest.IsError(got, "") || was == is):
					t.Errorf("%s with all rights: %q", name, got)
				case lacking != "" && (!redistest.IsError(got, "NOPERM") || was != is):
					t.Errorf("%s without %s: %q; before %q, after %q", name, lacking, got, was, is)
				}
				c.Close()
			}
		}
	})
}

// TestOperatorsStartUp: a directory that is not as it must be keeps the proxy from
// starting, and the error says which file, and what to do.
func TestOperatorsStartUp(t *testing.T) {
	for name, tt := range map[string]struct {
		dir  string
		want []string
	}{
		"not locked":   {newShelf(t).answering("greet", "one").dir, []string{"scripts.lock: there is none", "proxy vet --write-lock"}},
		"changed":      {newShelf(t).answering("greet", "one").lock().answering("greet", "two").dir, []string{"greet.lua: changed since it was vetted"}},
		"extra":        {newShelf(t).answering("greet", "one").lock().answering("more", "x").dir, []string{"more.json: not in scripts.lock", "more.lua: not in scripts.lock"}},
		"taken name":   {newShelf(t).answering("cas", "one").lock().dir, []string{"cas.json: the proxy has a built-in script"}},
		"native name":  {newShelf(t).answering("get", "one").lock().dir, []string{"get.json: GET is a command of the servers'"}},
		"not vetted":   {newShelf(t).answering("greet", "one").put("greet.lua", "while true do end\n").lock().dir, []string{"greet.lua:1:1: loop-bound"}},
		"half written": {newShelf(t).answering("greet", "one").put("greet.json", "{\n\"GREET2\": ").lock().dir, []string{"greet.json:2: unexpected EOF"}},
	} {
		cfg := config("redis://127.0.0.1:1")
		cfg.Scripts.Dir = tt.dir
		_, err := proxy.New(cfg, proxy.Options{Log: slog.New(slog.DiscardHandler)})
		invalid := cfg.Validate()
		for _, want := range append(tt.want, tt.dir) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
			if invalid == nil || !strings.Contains(invalid.Error(), want) {
				t.Errorf("%s: check says %v, want %q", name, invalid, want)
			}
		}
	}
}

// TestOperatorsGuide: what the guide shows of the two commands is what is in their
// files.
func TestOperatorsGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range []string{"reserve.lua", "reserve.json", "leaderboard.lua", "leaderboard.json"} {
		b, err := os.ReadFile(filepath.Join(examples, name))
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Ext(name)] += string(b)
	}
	shown := 0
	for _, block := range strings.Split(string(guide), "\n```")[1:] {
		kind, text, _ := strings.Cut(block, "\n")
		if kind != "lua" && (kind != "json" || strings.Contains(text, `"reviewed"`)) {
			continue
		}
		shown++
		if !strings.Contains(files["."+kind], text+"\n") {
			t.Errorf("this is in the guide and in no file:\n%s", text)
		}
	}
	if shown < 8 {
		t.Errorf("only %d pieces of the files are shown", shown)
	}
}
