package commands

import (
	"fmt"
	"strings"
	"testing"
)

// planned returns how the call is to be carried out in steps.
func planned(t *testing.T, r *Registry, up *Upstream, args ...string) *Steps {
	t.Helper()
	out, call, err := rewrite(t, r, up, args...)
	if err != nil || call.Steps == nil || len(out) != 0 {
		t.Fatalf("%q: %q, %+v, %v", args, out, call, err)
	}
	return call.Steps
}

// keysOf is keys as Steps takes them.
func keysOf(names ...string) (keys [][]byte) {
	for _, n := range names {
		keys = append(keys, []byte(n))
	}
	return keys
}

// TestStepsPlan: which calls are carried out in steps, and by which bounds.
func TestStepsPlan(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	up := &Upstream{Scripts: true, ReadOnlyEval: true}
	for _, tt := range []struct {
		call                      string
		sweep, dry, cond, nothing bool
		limit                     int
		scan                      string
	}{
		{"PURGE a* SWEEP", true, false, false, false, int(testSettings.PurgeLimit), "SCAN 17 MATCH a* COUNT 50"},
		{"PURGE PREFIX a* SNAPSHOT LIMIT 5 TYPE ZSet", false, false, false, false, 5, `SCAN 17 MATCH a\** COUNT 50 TYPE zset`},
		{"PURGE a snapshot dryrun NOEXPIRE", false, true, true, false, int(testSettings.PurgeLimit), "SCAN 17 MATCH a COUNT 50"},
		{"PURGE a IFEQ x SWEEP DRYRUN", true, true, true, false, int(testSettings.PurgeLimit), "SCAN 17 MATCH a COUNT 50 TYPE string"},
		{"PURGE a IFEQ x SWEEP TYPE list", true, false, true, true, int(testSettings.PurgeLimit), "SCAN 17 MATCH a COUNT 50 TYPE string"},
	} {
		p := planned(t, r, up, strings.Split(tt.call, " ")...)
		if p.Sweep != tt.sweep || p.DryRun != tt.dry || p.Conditional() != tt.cond || p.Nothing() != tt.nothing || p.Limit != tt.limit {
			t.Errorf("%s: %+v", tt.call, p)
		}
		if got := strings.Join(parseFrame(t, p.AppendScan(nil, []byte("17"), 50)), " "); got != tt.scan {
			t.Errorf("%s: %s, want %s", tt.call, got, tt.scan)
		}
	}
	p := planned(t, r, up, "PURGE", "a*", "SWEEP")
	if !p.Spares([]byte("a:atomicproxy:once:t")) || p.Spares([]byte("a:once:t")) {
		t.Error("tokens of ONCE are spared, and nothing else")
	}
	if p = planned(t, r, up, "PURGE", "PREFIX", "a:atomicproxy:once:", "SWEEP"); p.Spares([]byte("a:atomicproxy:once:t")) {
		t.Error("tokens that the pattern names are spared")
	}
}

// TestStepsScripts: the scripts judge the keys anew, and remove those that match by
// then, each once, or none.
func TestStepsScripts(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		fill := func() {
			c.do("FLUSHALL")
			for _, line := range []string{"SET s1 one", "SET s2 two EX 1000", "SET empty x", "LPUSH l one", "HSET h one 1"} {
				c.do(strings.Split(line, " ")...)
			}
		}
		all := keysOf("s1", "gone", "s2", "s1", "empty", "l", "h")
		for _, tt := range []struct{ options, places string }{
			{"", "*7 :1 :2 :3 :5 :6 :7"}, {"TYPE string", ":1 :3 :5"}, {"TYPE LIST", ":6"}, {"TYPE hash NOEXPIRE", ":7"}, {"NOEXPIRE", ":1 :5 :6 :7"},
			{"IFEQ one", ":1"}, {"IFEQ two NOEXPIRE", ""}, {"IDLETIME 1000", ""}, {"IDLETIME 0", ":1 :3 :5 :6 :7"},
		} {
			fill()
			args := append([]string{"PURGE", "x*", "SWEEP"}, strings.Fields(tt.options)...)
			p := planned(t, c.rg, &s.up, args...)
			got := c.do(parseFrame(t, p.AppendMatch(nil, all, &s.up))...)
			places := strings.Fields(strings.TrimPrefix(tt.places, "*7 "))
			if want := strings.Join(append([]string{fmt.Sprintf("*%d", len(places))}, places...), "\r\n"); got != want {
				t.Errorf("%s matches %q, want %q", tt.options, got, want)
			}
			c.left(5)
			n := len(places)
			if tt.options == "" {
				n-- // what is not there is not removed
			}
			for _, want := range []int{n, 0} {
				if got := c.do(parseFrame(t, p.AppendRemove(nil, all, &s.up))...); got != fmt.Sprintf(":%d", want) {
					t.Errorf("%s removes %s, want %d", tt.options, got, want)
				}
			}
			c.left(5 - n)
		}
	})
}

// TestStepsAllOrNone: a key that the user may not remove keeps the others, also
// behind the first thousand.
func TestStepsAllOrNone(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		admin := s.dial(t).load(loadCatalogue(t, testSettings))
		keys := append(keyNames("k:%d", 2500), "x:1")
		admin.set(keys...)
		c := s.user(t, admin, "~k:*", "+@all")
		p := planned(t, c.rg, &s.up, "PURGE", "x*", "SNAPSHOT")
		for _, frame := range [][]byte{p.AppendRemove(nil, keysOf(keys...), &s.up), p.AppendMatch(nil, keysOf(keys...), &s.up)} {
			if got := c.do(parseFrame(t, frame)...); !strings.HasPrefix(got, "-NOPERM ") {
				t.Errorf("got %q", got)
			}
		}
		admin.left(len(keys))
		c = s.user(t, admin, "~*", "+@all", "-unlink")
		if got := c.do(parseFrame(t, p.AppendRemove(nil, keysOf("k:1", "k:2"), &s.up))...); !strings.HasPrefix(got, "-NOPERM ") {
			t.Errorf("got %q", got)
		}
		admin.left(len(keys))
	})
}

// TestStepsMany: as many keys as there may be go in one call.
func TestStepsMany(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		keys := keyNames("k:%d", MaxStepKeys)
		for i := 0; i < len(keys); i += 10_000 {
			c.set(keys[i : i+10_000]...)
		}
		p := planned(t, c.rg, &s.up, "PURGE", "k*", "SNAPSHOT", "TYPE", "string")
		if got := c.do(parseFrame(t, p.AppendRemove(nil, keysOf(keys...), &s.up))...); got != fmt.Sprintf(":%d", MaxStepKeys) {
			t.Errorf("got %.100q", got)
		}
		c.left(0)
	})
}

// TestPrintable: a call in the log is one line, and each argument one word of it.
func TestPrintable(t *testing.T) {
	got := Printable(keysOf("purge", "a b\r\n\"*", strings.Repeat("p", 2000), "", strings.Repeat("v", 65)))
	if want := `purge "a b\x0d\x0a\x22*" ` + strings.Repeat("p", 1024) + `... "" ` + strings.Repeat("v", 64) + "..."; got != want {
		t.Errorf("got %s", got)
	}
}
