package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// control is the least that the proxy's own user needs, by server.
func control(s *redistest.Server) []string {
	switch {
	case s.Valkey || s.AtLeast("7.2"):
		return words("+script|load +script|exists +ping +info +command +hello +client|setinfo")
	case s.AtLeast("7.0"): // knows no CLIENT SETINFO, and refuses rules about what it does not know
		return words("+script|load +script|exists +ping +info +command +hello")
	}
	return words("+script +ping +info +command +hello +client") // 6.0 has no rules about subcommands that add up
}

// withUsers starts a proxy whose control user has just what it needs, before s,
// where the default user is off. It returns a direct connection of an
// administrator.
func withUsers(t *testing.T, s *redistest.Server) (*running, *redistest.Client) {
	t.Helper()
	admin := s.Dial(t)
	acl := func(args ...string) {
		t.Helper()
		if got := admin.Do(append([]string{"ACL", "SETUSER"}, args...)...); got != "+OK\r\n" {
			t.Fatalf("ACL SETUSER %q: %s", args, got)
		}
	}
	acl(append([]string{"proxy", "on", ">ctl"}, control(s)...)...)
	acl(words("ann on >a ~ann:* ~shared +@all")...)
	acl(words("bob on >b ~bob:* ~shared +@all -get")...)
	acl(words("root on >r ~* +@all")...)
	if got := admin.Do("AUTH", "root", "r"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	acl("default", "off")
	cfg := config("redis://proxy:ctl@" + s.Addr)
	cfg.Upstream.Wait = 3 * time.Second
	return startReady(t, cfg), admin
}

// TestUsers: clients are who they say, and are told apart whatever they share.
func TestUsers(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r, admin := withUsers(t, s)
		t.Run("strangers", func(t *testing.T) {
			c := r.dial(t)
			for _, command := range []string{"GET shared", "PURGE ann:*", "SUBSCRIBE ch", "MULTI", "CLIENT ID"} {
				c.mustFail("NOAUTH", words(command)...)
			}
			c.mustFail("WRONGPASS", "AUTH", "ann", "wrong")
			c.mustFail("WRONGPASS", "AUTH", "nobody", "a")
			c.mustFail("WRONGPASS", "HELLO", "3", "AUTH", "ann", "wrong")
			c.mustFail("NOAUTH", "GET", "shared")
			c.must("+OK\r\n", "AUTH", "ann", "a")
			c.must("$-1\r\n", "GET", "ann:none")
			c.mustFail("WRONGPASS", "AUTH", "bob", "wrong") // changes nothing
			c.must("$-1\r\n", "GET", "ann:none")
		})
		t.Run("side by side", func(t *testing.T) { sideBySide(t, r) })
		t.Run("another user mid-way", func(t *testing.T) {
			c := r.dial(t)
			c.must("+OK\r\n", "AUTH", "ann", "a")
			c.must("+OK\r\n", "SET", "ann:k", "v")
			c.say("GET", "ann:k")
			c.say("AUTH", "bob", "b")
			c.say("SET", "bob:k", "v")
			c.say("GET", "bob:k")
			c.hear(bulk("v"))
			c.hear("+OK\r\n")
			c.hear("+OK\r\n")
			if got, err := c.Receive(); err != nil || !redistest.IsError(got, "NOPERM") {
				t.Errorf("bob may GET: %q %v", got, err)
			}
			c.mustFail("NOPERM", "SET", "ann:k", "v")
			c.must("+OK\r\n", "AUTH", "ann", "a")
			c.must(bulk("v"), "GET", "ann:k")
		})
		t.Run("purge", func(t *testing.T) { purgeAsUser(t, r, admin) })
		t.Run("state", func(t *testing.T) {
			// A transaction's connection is kept for the next who needs one: with its user.
			for _, user := range []string{"ann", "bob", "ann", "bob"} {
				c := r.dial(t)
				c.must("+OK\r\n", "AUTH", user, user[:1])
				c.must("+OK\r\n", "MULTI")
				c.must("+QUEUED\r\n", "SET", user+":tx", "1")
				c.must("*1\r\n+OK\r\n", "EXEC")
				c.must("+OK\r\n", "MULTI")
				if user == "bob" {
					c.mustFail("NOPERM", "GET", "bob:tx")
					c.mustFail("EXECABORT", "EXEC")
				} else {
					c.must("+QUEUED\r\n", "GET", "ann:tx")
					c.must("*1\r\n"+bulk("1"), "EXEC")
				}
				c.Close()
			}
		})
	})
}

// sideBySide has clients of two users work at the same time, over the same loop.
func sideBySide(t *testing.T, r *running) {
	var work sync.WaitGroup
	for i := range 8 {
		user := []string{"ann", "bob"}[i%2]
		c := r.dial(t)
		c.must("+OK\r\n", "AUTH", user, user[:1])
		work.Go(func() {
			for n := range 200 {
				key, other := fmt.Sprint(user, ":", i, ":", n), map[string]string{"ann": "bob:x", "bob": "ann:x"}[user]
				for _, step := range []struct {
					command string
					ok      bool
				}{{"SET " + key + " v", true}, {"STRLEN " + key, true}, {"GET " + key, user == "ann"}, {"SET " + other + " v", false}} {
					got, err := c.Call(words(step.command)...)
					if err != nil || redistest.IsError(got, "NOPERM") == step.ok {
						t.Errorf("%s: %s = %q %v", user, step.command, got, err)
						return
					}
				}
			}
		})
	}
	work.Wait()
}

// purgeAsUser: PURGE deletes what the user may delete, and nothing if one of the
// matches is not.
func purgeAsUser(t *testing.T, r *running, admin *redistest.Client) {
	if got := admin.Do("MSET", "ann:p:1", "x", "ann:p:2", "x", "bob:p:1", "x"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	ann := r.dial(t)
	ann.must("+OK\r\n", "AUTH", "ann", "a")
	got := ann.do("PURGE", "*:p:*")
	if got[0] != '-' {
		t.Errorf("ann purged bob's key as well: %q", got)
	}
	if got := admin.Do("EXISTS", "ann:p:1", "ann:p:2", "bob:p:1"); got != ":3\r\n" {
		t.Errorf("a refused PURGE deleted something: %s are left", got)
	}
	ann.must(":2\r\n", "PURGE", "ann:p:*", "DRYRUN")
	ann.must(":2\r\n", "PURGE", "ann:p:*")
	if got := admin.Do("EXISTS", "ann:p:1", "ann:p:2", "bob:p:1"); got != ":1\r\n" {
		t.Errorf("%s are left", got)
	}
}

// TestUserGoes: a user that is deleted or whose rights change loses them at once,
// and a rotated password holds from the next AUTH on.
func TestUserGoes(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r, admin := withUsers(t, s)
		login := func(user, password string) *client {
			c := r.dial(t)
			c.must("+OK\r\n", "AUTH", user, password)
			return c
		}
		ann, again, bob := login("ann", "a"), login("ann", "a"), login("bob", "b")
		ann.must("+OK\r\n", "SET", "ann:k", "v")
		admin.Do("ACL", "SETUSER", "ann", "-get")
		ann.mustFail("NOPERM", "GET", "ann:k")
		admin.Do("ACL", "SETUSER", "ann", "+get")
		again.must(bulk("v"), "GET", "ann:k")

		admin.Do("ACL", "SETUSER", "ann", "<a", ">new")
		ann.must(bulk("v"), "GET", "ann:k") // who is in stays in, as on the server itself
		late := r.dial(t)
		late.mustFail("WRONGPASS", "AUTH", "ann", "a")
		late.must("+OK\r\n", "AUTH", "ann", "new")
		late.must("+OK\r\n", "MULTI")
		late.must("+QUEUED\r\n", "GET", "ann:k")
		late.must("*1\r\n"+bulk("v"), "EXEC")

		if got := admin.Do("ACL", "DELUSER", "ann"); got != ":1\r\n" {
			t.Fatal(got)
		}
		for i, c := range []*client{ann, again, late} {
			if got, err := c.Call("GET", "ann:k"); err == nil && got[0] != '-' {
				t.Errorf("client %d of a deleted user reads on: %q", i, got)
			}
		}
		bob.must("+OK\r\n", "SET", "bob:k", "v")
		r.dial(t).mustFail("WRONGPASS", "AUTH", "ann", "new")
	})
}

// TestRequirepass: the old way, with one password and the default user.
func TestRequirepass(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		cfg := before(s)
		cfg.Upstream.Password = "secret"
		r := startReady(t, cfg)
		c := r.dial(t)
		c.mustFail("NOAUTH", "SET", "k", "v")
		c.mustFail("WRONGPASS", "AUTH", "wrong")
		c.mustFail("NOAUTH", "SET", "k", "v")
		c.must("+OK\r\n", "AUTH", "secret")
		work(c, "k")
		r.dial(t).mustFail("NOAUTH", "GET", "k") // another's word is not everybody's
		three := r.dial(t)
		if got := three.do("HELLO", "3", "AUTH", "default", "secret"); got[0] != '%' {
			t.Errorf("HELLO 3 with the password: %q", got)
		}
		work(three, "k3")
	}, "--requirepass", "secret")
}

// TestMyCredentialsForEveryClient: only where the configuration says so in so
// many words does a client act as the URL's user.
func TestMyCredentialsForEveryClient(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "secret")
	admin := s.Dial(t)
	admin.Do("AUTH", "secret")
	admin.Do(append([]string{"ACL", "SETUSER"}, words("app on >pw ~app:* +@all -@dangerous +info")...)...)
	cfg := config("redis://app:pw@" + s.Addr)
	cfg.Upstream.ServeCredentials = true
	r := startReady(t, cfg)
	c := r.dial(t)
	work(c, "app:k")
	c.must(bulk("app"), "ACL", "WHOAMI")
	c.mustFail("NOPERM", "SET", "other", "v")
	c.must("+OK\r\n", "AUTH", "secret") // a client can still be somebody else
	c.must("+OK\r\n", "SET", "other", "v")
	c.must(bulk("default"), "ACL", "WHOAMI")
	r.dial(t).mustFail("NOPERM", "GET", "other")
}

// TestControlWithoutRights: a proxy that may not load its scripts still forwards,
// and says why its own commands are not to be had.
func TestControlWithoutRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		admin := s.Dial(t)
		admin.Do(append([]string{"ACL", "SETUSER"}, words("proxy on >ctl +ping +info +command +hello")...)...)
		admin.Do(append([]string{"ACL", "SETUSER"}, words("ann on >a ~* +@all")...)...)
		admin.Do(append([]string{"ACL", "SETUSER"}, words("default off")...)...)
		for _, tt := range []struct{ user, says string }{{"proxy:ctl", "SCRIPT LOAD"}, {"proxy:wrong", "authentication"}} {
			cfg := config("redis://" + tt.user + "@" + s.Addr)
			cfg.Upstream.Wait = 3 * time.Second
			r := start(t, cfg)
			c := r.dial(t)
			eventually(t, "AUTH is taken", func() bool { return c.do("AUTH", "ann", "a") == "+OK\r\n" })
			c.must("+OK\r\n", "SET", "k", "v")
			if got := c.do("PURGE", "k*"); !redistest.IsError(got, "NOSUPPORT") || !strings.Contains(got, tt.says) {
				t.Errorf("as %s: PURGE = %q; want -NOSUPPORT with %q", tt.user, got, tt.says)
			}
			c.must(bulk("v"), "GET", "k")
		}
	})
}
