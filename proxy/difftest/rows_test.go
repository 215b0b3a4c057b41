package difftest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rows are the lines of the table of docs/sessions.md, by the names of their files in testdata/rows: what the commands
// of each do to a session. The first column of the table stands at the top of each file.
var rows = []string{
	"ordinary", "custom", "hello", "auth", "select", "names", "client-id", "client-state", "client-list", "overtaking",
	"maint-notifications", "transactions", "watch", "inside-multi", "blocking", "wait", "subscribe", "reset", "quit", "ping",
	"command", "raw-lua", "script-exists", "refused", "cluster", "admin", "cross-protocol", "unknown",
}

// readRows reads the scripts of every row. A script begins with "== title" and may have options:
//
//	% alone REASON    it is not played as a pipeline
//	% resp 2|3        it is only played in that protocol; without it in both
//	% from VERSION    older servers have not what it is about
//	% proxy           nothing of it is compared with a server: the replies stand in the script
//	% locked          on servers that demand the password "secret"; not with HELLO 3 before it
func readRows(t *testing.T) (all []*script) {
	t.Helper()
	for _, row := range rows {
		b, err := os.ReadFile(filepath.Join("testdata", "rows", row+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		var s *script
		for i, line := range strings.Split(string(b), "\n") {
			line = strings.TrimSpace(line)
			at := fmt.Sprintf("%s.txt:%d: %s", row, i+1, line)
			switch title, isTitle := strings.CutPrefix(line, "== "); {
			case isTitle:
				s = &script{row: row, title: title, options: map[string]string{}}
				all = append(all, s)
			case line == "" || line[0] == ';' || line[0] == '#':
			case s == nil:
				t.Fatalf("%s: before the first script", at)
			case line[0] == '%':
				name, value, _ := strings.Cut(strings.TrimSpace(line[1:]), " ")
				if !slices.Contains([]string{"alone", "resp", "from", "proxy", "locked"}, name) {
					t.Fatalf("%s: there is no such option", at)
				}
				s.options[name] = value
			default:
				s.steps = append(s.steps, parseStep(t, at, line))
			}
		}
	}
	return all
}

func parseStep(t *testing.T, at, line string) step {
	t.Helper()
	if rest, ok := strings.CutPrefix(line, "? "); ok && strings.Contains(rest, " => ") {
		return step{line: line, who: '?', rest: rest}
	}
	isClient := len(line) > 1 && (line[0] >= 'a' && line[0] <= 'z' || line[0] >= 'A' && line[0] <= 'Z')
	if !isClient || !strings.ContainsRune(":!<#~=?._", rune(line[1])) {
		t.Fatalf("%s: not a step", at)
	}
	st := step{line: line, who: line[0], op: line[1], rest: strings.TrimSpace(line[2:])}
	if (st.op == '=') != strings.Contains(st.rest, " => ") {
		t.Fatalf("%s: a reply that is expected stands behind a= COMMAND =>", at)
	}
	return st
}

// fits reports whether the script is to be played in this protocol and form.
func (s *script) fits(protocol int, f form) bool {
	_, isAlone := s.options["alone"]
	_, locked := s.options["locked"]
	only := s.options["resp"]
	return (only == "" || only == fmt.Sprint(protocol)) && (f == alone || !isAlone) && (protocol == 2 || !locked)
}

// TestRowsAreThere: every row has a script that is played in both protocols and in every form, or says why not, and every
// script something that it looks at.
func TestRowsAreThere(t *testing.T) {
	had := map[string]bool{}
	titles := map[string]bool{}
	for _, s := range readRows(t) {
		if titles[s.String()] {
			t.Errorf("%s: there are two of this name", s)
		}
		titles[s.String()] = true
		_, proxyOnly := s.options["proxy"]
		takes, expects := 0, 0
		for _, st := range s.steps {
			if st.op != '!' && st.who != '?' {
				takes++
			}
			if st.op == '=' {
				expects++
			}
		}
		if takes == 0 || (expects > 0) != proxyOnly {
			t.Errorf("%s: %d steps take something, and %d say what; has it %% proxy: %v", s, takes, expects, proxyOnly)
		}
		for _, protocol := range []int{2, 3} {
			for f := range forms {
				if s.fits(protocol, f) {
					had[fmt.Sprint(s.row, protocol, f)] = true
				}
			}
		}
	}
	for _, row := range rows {
		for _, protocol := range []int{2, 3} {
			for f, name := range forms {
				if !had[fmt.Sprint(row, protocol, f)] && row != "cross-protocol" { // which ends the connection at its first word
					t.Errorf("row %s: nothing is played in RESP%d %s", row, protocol, name)
				}
			}
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "rows", "*.txt"))
	if err != nil || len(files) != len(rows) {
		t.Errorf("%d files for %d rows: %v, %v", len(files), len(rows), files, err)
	}
}
