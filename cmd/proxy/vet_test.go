package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/scripts/vet"
)

// scriptFiles puts files in a directory of their own.
func scriptFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const describedTouch = `{"TOUCH.TWICE": {"summary": "s", "complexity": "O(1)", "group": "generic", "since": "1.0.0", "arity": 2, "command_flags": ["WRITE"],
 "key_specs": [], "bound": "b", "retry": "S", "requires": "6.0.0", "arguments": [{"name": "key", "type": "key"}], "reply_schema": {"type": "integer"}}}`

func TestVet(t *testing.T) {
	app := scriptFiles(t, map[string]string{
		"good.lua": "#!lua\nif redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end\nreturn 0\n",
		"bad.lua":  "return redis.call(ARGV[1], KEYS[1])\n",
		"part.lua": "-- include reply.lua\nreturn failed(ARGV) -- an alias\n",
		"gone.lua": "-- include nothing.lua\n",
		"note.txt": "not a script",
	})
	own := scriptFiles(t, map[string]string{
		"touch.twice.json": describedTouch,
		"touch.twice.lua":  "redis.call('PERSIST', KEYS[1])\nreturn redis.call('GET', KEYS[1])\n",
	})
	tests := []struct {
		args           []string
		code           int
		stdout, stderr string // each "|"-separated part must be there; "": nothing may be
	}{
		{nil, 0, "", ""},
		{[]string{"--rules"}, 0, "# The vetter|### late-failure", ""},
		{[]string{filepath.Join(app, "good.lua")}, 0, "", ""},
		{[]string{filepath.Join(app, "bad.lua")}, 1, filepath.Join(app, "bad.lua") + ":1:19: command-name: ", "Findings: 1."},
		{[]string{filepath.Join(app, "part.lua")}, 1, filepath.Join(app, "part.lua") + ":2:15: alias: ", "Findings: 1."},
		{[]string{filepath.Join(app, "gone.lua")}, 1, "", "gone.lua: line 1: there is no part/nothing.lua"},
		{[]string{filepath.Join(app, "note.txt")}, 1, "", "neither a directory nor a .lua file"},
		{[]string{filepath.Join(app, "none.lua")}, 1, "", "no such file"},
		{[]string{own}, 1, filepath.Join(own, "touch.twice.lua") + ":2:8: late-failure: after the write in line 1: GET reads", "Findings: 1."},
		{[]string{filepath.Join(own, "touch.twice.lua")}, 1, ":2:8: late-failure: after the write in line 1: GET reads", "Findings: 1."},
		{[]string{"--write-lock"}, 2, "", "--write-lock needs a directory"},
		{[]string{"--write-lock", own}, 1, "late-failure", "Findings: 1."},
		{[]string{"--write-lock", filepath.Join(app, "good.lua")}, 1, "", "is no directory"},
		{[]string{"--no-such"}, 2, "", "unknown flag"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			code, stdout, stderr := invoke(t, nil, append([]string{"vet"}, tt.args...)...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			for got, want := range map[*string]string{&stdout: tt.stdout, &stderr: tt.stderr} {
				if want == "" && *got != "" {
					t.Errorf("it said %q", *got)
				}
				for part := range strings.SplitSeq(want, "|") {
					if !strings.Contains(*got, part) {
						t.Errorf("it said %q, not %q", *got, part)
					}
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(own, commands.LockName)); err == nil {
		t.Error("a lock was written in spite of a finding")
	}
}

func TestVetJSON(t *testing.T) {
	dir := scriptFiles(t, map[string]string{"bad.lua": "return redis.call(ARGV[1])\n", "good.lua": "return 1\n"})
	for file, want := range map[string]int{"bad.lua": 1, "good.lua": 0} {
		code, stdout, _ := invoke(t, nil, "vet", "--json", filepath.Join(dir, file))
		var f []vet.Finding
		if err := json.Unmarshal([]byte(stdout), &f); err != nil || f == nil || len(f) != want || code != want {
			t.Errorf("%s: exit %d, %s (%v)", file, code, stdout, err)
		}
		if want == 1 && (f[0].Rule != "command-name" || f[0].Line != 1 || f[0].Column != 19 || f[0].Why == "" || f[0].Remedy == "") {
			t.Errorf("%+v", f[0])
		}
	}
}

func TestVetWriteLock(t *testing.T) {
	dir := scriptFiles(t, map[string]string{
		"touch.twice.json": describedTouch,
		"touch.twice.lua":  "return redis.call('PERSIST', KEYS[1])\n",
	})
	code, _, stderr := invoke(t, nil, "vet", "--write-lock", dir)
	b, err := os.ReadFile(filepath.Join(dir, commands.LockName))
	if code != 0 || err != nil || !strings.Contains(string(b), "touch.twice.lua") || !strings.Contains(stderr, commands.LockName) {
		t.Errorf("exit %d, %s, %q (%v)", code, b, stderr, err)
	}
}
