package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
)

// The manual is what the program says, byte for byte:
//
//	go run ./cmd/proxy commands --markdown >docs/commands.md
func TestCommandsManual(t *testing.T) {
	code, out, errs := invoke(t, nil, "commands", "--markdown")
	if code != 0 || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	const file = "../../docs/commands.md"
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out != string(want) {
		t.Errorf("%s is not what the catalogue says: run go run ./cmd/proxy commands --markdown >docs/commands.md", file)
	}
}

// Every command tells everything that a user is promised to be told.
func TestCommandsAreComplete(t *testing.T) {
	code, out, errs := invoke(t, nil, "commands", "--json")
	if code != 0 || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var list []commands.Reference
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Errorf("only %d commands", len(list))
	}
	for _, f := range list {
		for what, missing := range map[string]bool{
			"summary": f.Summary == "", "syntax": !strings.HasPrefix(f.Syntax, f.Name+" "), "reply": len(f.Reply) == 0 || f.Reply[0] == "",
			"errors": len(f.Errors) == 0, "complexity": f.Complexity == "", "bound": f.Bound == "", "retry": f.RetryMeans == "",
			"rights": len(f.Rights) < 2, "examples": len(f.Examples) == 0, "instead": len(f.Native) > 0 && f.Instead == "",
			"SHA1": len(f.Scripts) == 0 && f.Name != "ONCE",
		} {
			if missing {
				t.Errorf("%s: no %s", f.Name, what)
			}
		}
		_, text, _ := invoke(t, nil, "commands", strings.ToLower(f.Name))
		for _, want := range []string{f.Syntax, f.Summary, f.Bound, f.RetryMeans} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the text lacks %q", f.Name, want)
			}
		}
		for _, s := range f.Scripts {
			if len(s.Plain) != 40 || len(s.Shebang) != 40 || s.Plain == s.Shebang || !strings.Contains(text, s.Plain) || !strings.Contains(text, s.Shebang) {
				t.Errorf("%s: SHA1s %+v", f.Name, s)
			}
		}
	}
}

func TestCommandsByName(t *testing.T) {
	for _, tt := range []struct {
		args     []string
		code     int
		out, err string
	}{
		{[]string{"purge"}, 0, "PURGE <pattern | PREFIX prefix> [LIMIT limit]", ""},
		{[]string{"PURGE", "--markdown"}, 0, "## PURGE\n", ""},
		{nil, 0, "PURGE ", ""},
		{[]string{"get"}, 1, "", "GET is not of the proxy's catalogue"},
		{[]string{"nosuch"}, 1, "", `there is no command "nosuch"; there are `},
		{[]string{"--config", "/nonexistent"}, 1, "", "/nonexistent"},
	} {
		code, out, errs := invoke(t, nil, append([]string{"commands"}, tt.args...)...)
		if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(errs, tt.err) {
			t.Errorf("%q: exit %d\n%.300s\n%s", tt.args, code, out, errs)
		}
	}
}

// Commands of an operator's own are described like the others.
func TestCommandsOfAnOperator(t *testing.T) {
	dir, err := filepath.Abs("../../examples/commands")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(config, []byte("[scripts]\ndir = \""+filepath.ToSlash(dir)+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := invoke(t, nil, "commands", "reserve", "--config", config)
	if code != 0 || !strings.HasPrefix(out, "RESERVE stock cart seconds item quantity [item quantity ...]\n") {
		t.Errorf("exit %d\n%s\n%s", code, out, errs)
	}
}
