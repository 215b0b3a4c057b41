package commands

import (
	"strings"
	"testing"
)

// minimal are the rights that PURGE needs, with those that only options need.
var minimal = []string{"-@all", "+evalsha", "+dbsize", "+scan", "+unlink"}

// user makes a user and returns a client that is it.
func (s *server) user(t *testing.T, admin *client, rules ...string) *client {
	t.Helper()
	if got := admin.do(append([]string{"ACL", "SETUSER", "u", "reset", "on", ">p"}, rules...)...); got != "+OK" {
		t.Fatalf("ACL SETUSER %q: %s", rules, got)
	}
	c := s.dial(t)
	c.rg = admin.rg
	if got := c.do("AUTH", "u", "p"); got != "+OK" {
		t.Fatal(got)
	}
	return c
}

// TestPurgeRights: who may not remove one of the matches removes none, in the first call of UNLINK as in a later one.
func TestPurgeRights(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		admin := s.dial(t).load(loadCatalogue(t, testSettings))
		ro := []string{}
		if s.up.ReadOnlyEval {
			ro = []string{"+evalsha_ro"}
		}
		denied := func(c *client, keys int, args ...string) {
			t.Helper()
			c.want("-NOPERM this user has no permissions to run the '...", args...)
			admin.left(keys)
		}
		few := append(keyNames("k:%d", 20), keyNames("x:%d", 20)...)
		many := append(keyNames("k:%d", 3000), keyNames("x:%d", 1)...)
		for _, keys := range [][]string{few, many} {
			admin.do("FLUSHALL")
			admin.set(keys...)
			n := len(keys)

			c := s.user(t, admin, append(ro, "~*", "+@all", "-unlink")...)
			denied(c, n, "PURGE", "PREFIX", "k:")
			if s.up.ACLCheck { // before 7.0 a script that only reads can't ask
				denied(c, n, "PURGE", "PREFIX", "k:", "DRYRUN")
			}
			c = s.user(t, admin, append(ro, "~k:*", "+@all")...)
			denied(c, n, "PURGE", "?:*")
			denied(c, n, "PURGE", "?:*", "DRYRUN")
			denied(c, n, "PURGE", "PREFIX", "x:")
			c.want(":0", "PURGE", "y:*")
			c = s.user(t, admin, append(ro, "~*", "+@all", "-scan")...)
			denied(c, n, "PURGE", "PREFIX", "k:")
			c = s.user(t, admin, append(ro, "~*", "+@all", "-dbsize")...)
			denied(c, n, "PURGE", "PREFIX", "k:")
			c = s.user(t, admin, append(ro, "~*", "+@all", "-pttl", "-object", "-getrange")...)
			denied(c, n, "PURGE", "PREFIX", "k:", "NOEXPIRE")
			denied(c, n, "PURGE", "PREFIX", "k:", "IDLETIME", "0")
			denied(c, n, "PURGE", "PREFIX", "k:", "IFEQ", "v")

			rules := append(append([]string{"~k:*"}, minimal...), ro...)
			if !s.up.ACLCheck {
				rules = append(rules, "+exists")
			}
			c = s.user(t, admin, rules...)
			of := 0
			for _, k := range keys {
				if strings.HasPrefix(k, "k:") {
					of++
				}
			}
			want := strings.TrimSuffix(admin.call("PURGE", "PREFIX", "k:", "DRYRUN"), "\r\n")
			c.want(want, "PURGE", "PREFIX", "k:", "DRYRUN")
			c.want(want, "PURGE", "PREFIX", "k:")
			admin.left(n - of)
		}
	})
}

// TestPurgeSelector: rights that depend on the key (7.0's selectors and %R~) are judged key by key.
func TestPurgeSelector(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		if !s.up.ACLCheck {
			return // no selectors there
		}
		admin := s.dial(t).load(loadCatalogue(t, testSettings)).set("r:1", "w:1")
		c := s.user(t, admin, "%R~r:*", "+@all", "(~w:* +unlink)")
		c.want("-NOPERM ...", "PURGE", "r:*")
		c.want("-NOPERM ...", "PURGE", "?:*")
		c.want(":1", "PURGE", "w:*")
		admin.left(1)
		c = s.user(t, admin, "~*", "+@all", "-evalsha")
		c.want("-NOPERM ...", "PURGE", "r:*")
		admin.left(1)
	})
}
