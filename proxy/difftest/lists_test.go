package difftest

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// allowance is one line of allowed.txt: what the proxy may answer otherwise than the server, and why.
type allowance struct {
	line    int
	command string         // as nameOf gives it; path.Match pattern
	servers string         // path.Match pattern of server names
	reply   *regexp.Regexp // what the proxy's reply must be like
	reason  string

	mu   sync.Mutex
	used bool
}

// readList reads lines of fields, of which the last may have spaces. Empty lines and comments are passed over.
func readList(t *testing.T, file string, fields int) (lines [][]string, numbers []int) {
	t.Helper()
	b, err := os.ReadFile(path.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := splitFields(line, fields)
		if len(f) != fields {
			t.Fatalf("%s:%d: %d fields, want %d: %s", file, i+1, len(f), fields, line)
		}
		lines, numbers = append(lines, f), append(numbers, i+1)
	}
	return lines, numbers
}

func splitFields(line string, n int) []string {
	var out []string
	for len(out) < n-1 {
		word, rest, ok := strings.Cut(line, " ")
		if !ok {
			break
		}
		out = append(out, word)
		line = strings.TrimSpace(rest)
	}
	return append(out, line)
}

// allowances is the whole list, with a note of what was used.
type allowances []*allowance

// theAllowances is the list that all tests share, so that one of them can say in the end what nothing needed.
var theAllowances struct {
	sync.Once
	list allowances
}

func readAllowances(t *testing.T) allowances {
	t.Helper()
	theAllowances.Do(func() { theAllowances.list = loadAllowances(t) })
	return theAllowances.list
}

func loadAllowances(t *testing.T) allowances {
	t.Helper()
	lines, numbers := readList(t, "allowed.txt", 4)
	var all allowances
	for i, f := range lines {
		re, err := regexp.Compile(strings.ReplaceAll(f[2], "_", " "))
		if err != nil {
			t.Fatalf("allowed.txt:%d: %v", numbers[i], err)
		}
		all = append(all, &allowance{line: numbers[i], command: f[0], servers: f[1], reply: re, reason: f[3]})
	}
	return all
}

// allow reports whether the list allows this reply of the proxy in place of the server's.
func (all allowances) allow(server, command, reply string) bool {
	for _, a := range all {
		if a.isFor(server) && a.matches(command) && a.reply.MatchString(reply) {
			a.mu.Lock()
			a.used = true
			a.mu.Unlock()
			return true
		}
	}
	return false
}

func (a *allowance) isFor(server string) bool {
	for pattern := range strings.SplitSeq(a.servers, ",") {
		if ok, _ := path.Match(pattern, server); ok {
			return true
		}
	}
	return false
}

func (a *allowance) matches(command string) bool {
	for pattern := range strings.SplitSeq(a.command, ",") {
		if ok, _ := path.Match(pattern, command); ok {
			return true
		}
	}
	return false
}

// unused are the lines that nothing needed, among those for servers that were there.
func (all allowances) unused(programs []redistest.Program) (lines []string) {
	for _, a := range all {
		there := false
		for _, p := range programs {
			there = there || a.isFor(p.Name)
		}
		if there && !a.used {
			lines = append(lines, fmt.Sprintf("allowed.txt:%d: %s on %s: nothing needs it (%s)", a.line, a.command, a.servers, a.reason))
		}
	}
	return lines
}

// skips is skipped.txt: commands that can't be played, with the reason.
func readSkips(t *testing.T) map[string]string {
	t.Helper()
	lines, _ := readList(t, "skipped.txt", 2)
	skips := map[string]string{}
	for _, f := range lines {
		for name := range strings.SplitSeq(f[0], ",") {
			skips[name] = f[1]
		}
	}
	return skips
}

func TestAllowances(t *testing.T) {
	a := &allowance{line: 3, command: "eval,evalsha*", servers: "redis-*", reply: regexp.MustCompile("^-DENIED ")}
	all := allowances{a}
	programs := []redistest.Program{{Name: "redis-7"}}
	if len(all.unused(programs)) != 1 || len(all.unused([]redistest.Program{{Name: "valkey-8"}})) != 0 {
		t.Error("unused lines are those whose server was there")
	}
	for _, c := range []struct {
		server, command, reply string
		want                   bool
	}{
		{"valkey-8", "eval", "-DENIED no\r\n", false},
		{"redis-7", "eval", "-ERR no\r\n", false},
		{"redis-7", "get", "-DENIED no\r\n", false},
		{"redis-7", "evalsha_ro", "-DENIED no\r\n", true},
	} {
		if got := all.allow(c.server, c.command, c.reply); got != c.want {
			t.Errorf("allow(%s, %s, %q) = %v", c.server, c.command, c.reply, got)
		}
	}
	if len(all.unused(programs)) != 0 {
		t.Error("a used line counts as unused")
	}
}
