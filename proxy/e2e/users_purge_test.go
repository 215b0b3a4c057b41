package e2e

import (
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestPurgeRights: the rights that docs/purge.md names are enough, and each of
// them is needed.
func TestPurgeRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r, admin := withUsers(t, s)
		least := "+evalsha +evalsha_ro +dbsize +scan +unlink"
		old := !s.Valkey && !s.AtLeast("7.0")
		if old {
			least = "+evalsha +dbsize +scan +unlink +exists"
		}
		// become gives the user cleaner these rights and no others.
		become := func(t *testing.T, rights string) *client {
			t.Helper()
			args := append(words("ACL SETUSER cleaner reset on >c ~tmp:*"), words(rights)...)
			if got := admin.Do(args...); got != "+OK\r\n" {
				t.Fatalf("%q: %s", args, got)
			}
			c := r.dial(t)
			c.must("+OK\r\n", "AUTH", "cleaner", "c")
			return c
		}
		fill := func(t *testing.T) {
			t.Helper()
			if got := admin.Do("MSET", "tmp:1", "v", "tmp:2", "v", "kept", "v"); got != "+OK\r\n" {
				t.Fatal(got)
			}
		}
		for _, tt := range []struct{ options, needs string }{
			{"", ""}, {"DRYRUN", ""}, {"TYPE string", ""}, {"LIMIT 2", ""},
			{"NOEXPIRE", "+pttl"}, {"IFEQ v", "+getrange"}, {"IDLETIME 0", "+object|idletime"},
		} {
			fill(t)
			if tt.needs != "" {
				c := become(t, least)
				c.mustFail("NOPERM", words("PURGE tmp:* "+tt.options)...)
			}
			c := become(t, least+" "+tt.needs)
			c.must(":2\r\n", words("PURGE tmp:* "+tt.options)...)
		}
		for _, one := range words(least) {
			if one == "+evalsha_ro" || one == "+exists" {
				continue // for DRYRUN, and for many matches
			}
			fill(t)
			c := become(t, strings.Replace(least+" ", one+" ", "", 1))
			c.mustFail("NOPERM", "PURGE", "tmp:*")
			if got := admin.Do("EXISTS", "tmp:1", "tmp:2"); got != ":2\r\n" {
				t.Errorf("without %s: %s are left", one, got)
			}
		}
		fill(t)
		c := become(t, least)
		c.mustFail("NOPERM", "PURGE", "*t*") // kept is not cleaner's
		if got := admin.Do("EXISTS", "tmp:1", "tmp:2", "kept"); got != ":3\r\n" {
			t.Errorf("of three, %s are left", got)
		}
		c.must(":2\r\n", "PURGE", "tmp:*")
	})
}
