package vet

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPlaces(t *testing.T) {
	s := &Script{File: "a.lua", Text: "local x = 1\n  return  redis.call( ARGV[1], KEYS[1])\n"}
	f := Check(s)
	if len(f) != 1 || f[0].File != "a.lua" || f[0].Line != 2 || f[0].Column != 23 || f[0].Rule != "command-name" {
		t.Fatal(f)
	}
	want := "a.lua:2:23: command-name: the command's name is not a literal (a name that is computed can become any command; " +
		"write the name where it is called: redis.call('GET', key))"
	if f[0].String() != want || f[0].Error() != want {
		t.Errorf("%s", f[0])
	}
	s.Origin = func(line int) (string, int) { return "part.lua", line + 40 }
	if f := Check(s); f[0].File != "part.lua" || f[0].Line != 42 {
		t.Error(f)
	}
}

// TestColumns: each name stands where it is said to, whatever is around it.
func TestColumns(t *testing.T) {
	text := `local t, u = {a = 1, ["b"] = 2, 3}, 'x'
local function f(p, q) if p then return q elseif q then return p end return -q end
for i = 1, #t do if t[i] then t[#t + 1] = f(i, (t).a) end end
for k, v in pairs(t) do t[k] = not v .. "y" end
bad1 = t
do local s = #u; bad2 = s + - bad3 end
return f(1, bad4), {bad5, x = bad6, [bad7] = function() return bad8 end}, "a" .. bad9`
	got := map[string]bool{}
	for _, f := range Check(&Script{Text: text}) {
		if f.Rule == "globals" {
			line := strings.Split(text, "\n")[f.Line-1]
			got[line[f.Column-1:][:4]] = true
		}
	}
	for _, name := range []string{"bad1", "bad2", "bad3", "bad4", "bad5", "bad6", "bad7", "bad8", "bad9"} {
		if !got[name] {
			t.Errorf("%s was not found in its place: %v", name, got)
		}
	}
}

func TestSorted(t *testing.T) {
	f := Check(&Script{Text: "b = 1; a = 2\nlocal x = load\nreturn redis.call(x), c"})
	if !slices.IsSortedFunc(f, func(a, b Finding) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	}) || len(f) < 5 {
		t.Error(f)
	}
}

// hostile are texts that could keep a vetter busy, or make it overflow its stack.
func hostile() map[string]string {
	functions := "local function f0() return 1 end\n"
	for i := range 40 {
		functions += strings.NewReplacer("N", string(rune('a'+i%26))+strings.Repeat("x", i), "M", previous(i)).Replace("local function N() return M() + M() end\n")
	}
	return map[string]string{
		"parentheses": "return " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000),
		"tables":      "return " + strings.Repeat("{", 100_000) + strings.Repeat("}", 100_000),
		"minus":       "return " + strings.Repeat("- ", 100_000) + "1",
		"sum":         "return 1" + strings.Repeat("+1", 100_000),
		"join":        "return 'a'" + strings.Repeat("..'a'", 100_000),
		"if":          strings.Repeat("if x then ", 20_000) + strings.Repeat(" end", 20_000),
		"elseif":      "if x then " + strings.Repeat("elseif x then ", 15_000) + " end",
		"functions":   strings.Repeat("local f = function() ", 10_000) + strings.Repeat(" end", 10_000),
		"calls":       "return f" + strings.Repeat("()", 60_000),
		"doubling":    functions + "return " + previous(40) + "()",
		"branches":    strings.Repeat("if redis.call('GET', KEYS[1]) then redis.call('SET', KEYS[1], 'x') end\n", 3000),
		"arguments":   branches(200),
		"loops":       strings.Repeat("for i = 1, 10 do ", 100) + strings.Repeat(" end", 100),
		"statements":  strings.Repeat("local a = {1, 2, 3}\n", 10_000),
		"locals":      "local a = 1\n" + strings.Repeat("a = a + 1\n", 20_000),
		"long":        "return '" + strings.Repeat("a", 1<<20) + "'",
		"comment":     "--[[" + strings.Repeat("\n", 1<<20),
	}
}

func previous(i int) string {
	if i == 0 {
		return "f0"
	}
	i--
	return string(rune('a'+i%26)) + strings.Repeat("x", i)
}

// branches doubles the paths n times, each time by another argument, and each branch shows something else.
func branches(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll("local v# = false\nif ARGV[#] == 'x' then v# = redis.call('HLEN', KEYS[#]) end\n", "#", string(rune('1'+i%9))+strings.Repeat("0", i/9)))
	}
	return b.String() + "return 1"
}

// TestHostile: the time is bounded, and what can't be followed is refused.
func TestHostile(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			f := Check(&Script{Text: text, Declared: true})
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
			if name != "branches" && name != "arguments" && name != "loops" && name != "statements" && name != "locals" && name != "parentheses" && len(f) == 0 {
				t.Error("it was accepted")
			}
		})
	}
}

// FuzzCheck: no text makes it panic, or run for long. What it accepts the parser took.
func FuzzCheck(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.lua", "testdata/*/*/*.lua", "../*.lua", "../part/*.lua"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(b), false)
			f.Add(string(b), true)
		}
	}
	f.Fuzz(func(t *testing.T, text string, keyspace bool) {
		for _, r := range Check(&Script{Text: text, Keyspace: keyspace}) {
			if r.Line < 1 || r.Column < 1 || r.Message == "" || strings.Contains(r.Message, "the vetter failed") {
				t.Error(r)
			}
		}
	})
}
