// Package redistest runs real Redis and Valkey servers for tests.
//
//	func TestSomething(t *testing.T) {
//		redistest.Each(t, func(t *testing.T, s *redistest.Server) {
//			c := s.Dial(t)
//			if got := c.Do("PING"); got != "+PONG\r\n" {
//				t.Errorf("PING = %q", got)
//			}
//		})
//	}
//
// # Promises
//
// A server listens on loopback only, on a port of its own outside the range that the system gives to outgoing
// connections (so that Restart finds it free again), keeps its files in the test's temporary directory, persists
// nothing, answers before Start returns, and is gone when the test ends. On Linux it also dies with the test
// process, however that ends.
//
// # Which servers
//
// The installed redis-server, and each NAME/bin/server below the directory that $ATOMICPROXY_SERVERS names. Where no
// redis-server is installed a test is skipped; with ATOMICPROXY_REQUIRE_REDIS=1 (as in CI) it fails instead, so that
// a machine without servers can't pass by testing nothing.
//
// # What it does not know
//
// TLS, clusters and replication are the caller's: extra arguments reach the server as they are.
package redistest

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
)

// Program is a server's executable and what it calls itself.
type Program struct {
	Path    string
	Name    string // "redis-server" for the installed one, else the directory's name, as "valkey-8.1"
	Version string // as "7.0.15"
	Valkey  bool   // Valkey rather than Redis
}

// versionLine is what every server since Redis 2.4 prints for --version: "Redis server v=7.0.15 sha=…".
var versionLine = regexp.MustCompile(`(?i)(redis|valkey) server v=([0-9][0-9.a-z-]*)`)

// programs is found once: each --version is a process.
var programs = sync.OnceValue(findPrograms)

func findPrograms() []Program {
	var found []Program
	if path, err := exec.LookPath("redis-server"); err == nil {
		found = appendProgram(found, path, "redis-server")
	}
	if dir := os.Getenv("ATOMICPROXY_SERVERS"); dir != "" {
		paths, _ := filepath.Glob(filepath.Join(dir, "*", "bin", "server"))
		slices.Sort(paths)
		for _, path := range paths {
			found = appendProgram(found, path, filepath.Base(filepath.Dir(filepath.Dir(path))))
		}
	}
	return found
}

func appendProgram(to []Program, path, name string) []Program {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return to
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return to
	}
	return append(to, Program{Path: path, Name: name, Version: string(m[2]), Valkey: m[1][0]|0x20 == 'v'})
}

// Programs lists the servers on this machine, the installed one first. It never returns an empty list: without any
// server the test is skipped, or fails where ATOMICPROXY_REQUIRE_REDIS=1.
func Programs(tb testing.TB) []Program {
	tb.Helper()
	found := programs()
	if len(found) == 0 || found[0].Name != "redis-server" {
		missing(tb)
	}
	if dir := os.Getenv("ATOMICPROXY_SERVERS"); dir != "" && len(found) < 2 {
		// The variable promises servers; a mistyped directory would otherwise pass as a smaller test.
		tb.Fatalf("redistest: no NAME/bin/server below ATOMICPROXY_SERVERS=%s answers --version", dir)
	}
	return found
}

func missing(tb testing.TB) {
	tb.Helper()
	if os.Getenv("ATOMICPROXY_REQUIRE_REDIS") == "1" {
		tb.Fatal("redistest: no redis-server in PATH, and ATOMICPROXY_REQUIRE_REDIS=1")
	}
	tb.Skip("redistest: no redis-server in PATH")
}

// Start starts the installed redis-server with the extra arguments ("--requirepass", "secret"; the last of two equal
// ones wins) and returns once it answers. The server ends with the test.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return StartProgram(tb, Programs(tb)[0], args...)
}

// Each runs f as a subtest on a fresh server of each program on this machine, started with the extra arguments.
func Each(t *testing.T, f func(t *testing.T, s *Server), args ...string) {
	t.Helper()
	for _, p := range Programs(t) {
		t.Run(p.Name, func(t *testing.T) { f(t, StartProgram(t, p, args...)) })
	}
}

// AtLeast reports whether the server's version is at least the dotted version v. Redis's and Valkey's numbers are
// compared as they are, although they mean different things: ask p.Valkey first.
func (p Program) AtLeast(v string) bool { return compareVersions(p.Version, v) >= 0 }

func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y int
		x, a = leadingNumber(a)
		y, b = leadingNumber(b)
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// leadingNumber takes the digits before the next separator off s. A suffix as "-rc1" counts as 0.
func leadingNumber(s string) (n int, rest string) {
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		n = n*10 + int(s[i]-'0')
	}
	for i < len(s) && (s[i] < '0' || s[i] > '9') {
		i++
	}
	return n, s[i:]
}
