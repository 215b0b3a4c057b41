package commands

import (
	"slices"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/scripts/vet"
)

// TestOnceTextsAreVetted: the vetter finds nothing in any of ONCE's texts, is shown them all by Vet, and would find what is
// taken out of them.
func TestOnceTextsAreVetted(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	for _, f := range r.once.findings() {
		t.Error(f)
	}
	around := map[string]bool{}
	for _, c := range r.Commands() {
		if !c.onceable() {
			continue
		}
		text, body := r.once.texts["custom "+c.name], c.script.v[0].body
		if text == nil || strings.Count(text.script.v[0].body, "\n"+body) != 1 {
			t.Errorf("%s has no text, or its script is not in it as it was vetted", c.name)
			continue
		}
		around[strings.Replace(text.script.v[0].body, "\n"+body, "\n", 1)] = true
	}
	if len(around) != 1 {
		t.Errorf("around the scripts are %d different texts, of which one is vetted", len(around))
	}
	for name, text := range r.once.texts {
		if n := strings.Count(text.script.v[0].body, "\n"); n != len(text.lines) {
			t.Errorf("%s has %d lines, and %d are known", name, n, len(text.lines))
		}
	}
	planted := *r.once.texts["incr"]
	planted.script, _ = newScript("once incr", []string{"WRITE"}, func(int) string { return "while true do end\n" })
	r.once.texts["incr"] = &planted
	found := r.findings(func(name string) bool { return name == "once" })
	if len(found) != 1 || found[0].Rule != "loop-bound" || !strings.HasPrefix(found[0].Message, "for INCR: ") {
		t.Errorf("a loop without end in one of the texts: %v", found)
	}
}

// TestOnceVetterSees: each thing that makes a text safe is missed by the vetter if it is not there.
func TestOnceVetterSees(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	for _, tc := range []struct{ text, old, new, rule string }{
		{"hset", "redis.pcall('HSET', KEYS[1]", "redis.pcall('HSET', ARGV[1]", "key-origin"},
		{"mset", "call[2 * i] =", "call[3 * i] =", "key-origin"},
		{"zunionstore", "KEYS[1], count, unpack", "KEYS[1], count + 1, unpack", "key-origin"},
		{"zunionstore", "call[#call + 1] = KEYS[i]", "call[#call + 1] = ARGV[i]", "key-origin"},
		{"set", "if not redis.acl_check_cmd('SET', token, '', 'PX', time) then return denied('set') end", "", "permission"},
		{"set", "local try = redis.pcall('SET', token, '', 'NX', 'XX')", "local try = false", "permission"},
		{"set", " and string.find(bytes, '^[ -~]*$')", "", "error-text"},
		{"set", "or n > 1048576 or", "or", "loop-bound"},
		{"set", "if failed(reply) then return refused(reply, 'set') end", "", "hidden-failure"},
		{"lpop", "if failed(element) then return refused(element, 'lindex') end", "", "hidden-failure"},
		{"zpopmin", "if not count or count > 1000 then", "if not count then", "loop-bound"},
		{"custom cas", "if failed(reply) then return reply end", "", "hidden-failure"},
		{"custom cas", "return shaped(reply)\n", "redis.call('GET', token)\nreturn shaped(reply)\n", "late-failure"},
		{"custom cas", "return shaped(reply)\n", "script(keys, args)\nreturn shaped(reply)\n", "late-failure"},
		{"custom cas", "local keys, args", "redis.call('GET', 'x')\nlocal keys, args", "key-origin"},
		{"custom cas", "not one then return UNTOLD", "not one then return nil", "late-failure"},
	} {
		text := r.once.texts[tc.text]
		v := text.toVet()
		if v.Text = strings.Replace(v.Text, tc.old, tc.new, 1); v.Text == text.script.v[0].body {
			t.Errorf("%s has no %q", tc.text, tc.old)
			continue
		}
		found := vet.Check(v)
		if !slices.ContainsFunc(found, func(f vet.Finding) bool { return f.Rule == tc.rule }) {
			t.Errorf("%s with %q for %q: found %v, want %s", tc.text, tc.new, tc.old, found, tc.rule)
		}
	}
}
