package e2e

import (
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// states are what a client may be in when its user goes; each is made by these commands.
var states = []struct {
	name   string
	blocks bool // the last command waits
	made   []string
}{
	{"none", false, []string{"GET k"}},
	{"none, nothing asked yet", false, nil},
	{"db, protocol, name", false, []string{"SELECT 3", "HELLO 3", "CLIENT SETNAME joe", "GET k"}},
	{"WATCH", false, []string{"WATCH k"}},
	{"MULTI", false, []string{"MULTI", "SET k v"}},
	{"blocked", true, []string{"BLPOP q 0"}},
	{"SUBSCRIBE", false, []string{"SUBSCRIBE ch"}},
	{"MONITOR", false, []string{"MONITOR"}},
	{"offset of the last write", false, []string{"SET k v", "WAIT 0 0"}},
}

// makeAnn makes the user ann, who may do everything, with the password "a".
func (st *stage) makeAnn(t *testing.T) {
	t.Helper()
	rules := words("ACL SETUSER ann reset on >a ~* +@all")
	if st.s.AtLeast("6.2") { // which has rules about channels
		rules = append(rules, "&*")
	}
	if got := st.admin.Do(rules...); got != "+OK\r\n" {
		t.Fatal(got)
	}
}

func (st *stage) asAnn(t *testing.T, password string, made []string, blocks bool) *client {
	t.Helper()
	c := st.dial(t)
	c.must("+OK\r\n", "AUTH", "ann", password)
	for i, line := range made {
		if blocks && i == len(made)-1 {
			c.say(words(line)...)
			eventually(t, "it waits", func() bool { return st.Snapshot().Loops[0].InFlight == 1 })
			continue
		}
		if got := c.do(words(line)...); got[0] == '-' {
			t.Fatalf("%s: %q", line, got)
		}
	}
	return c
}

// TestStateIdentityGone: whatever a client is in, it is closed once its user is deleted, or the password was rotated
// and the connection lost; a rotation by itself disturbs nobody.
func TestStateIdentityGone(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		for _, state := range states {
			t.Run(state.name+", user deleted", func(t *testing.T) {
				st.makeAnn(t)
				c := st.asAnn(t, "a", state.made, state.blocks)
				st.admin.Do("ACL", "DELUSER", "ann")
				if !c.closed() {
					t.Error("the client is still connected")
				}
			})
			t.Run(state.name+", password rotated", func(t *testing.T) {
				st.makeAnn(t)
				c := st.asAnn(t, "a", state.made, state.blocks)
				st.admin.Do("ACL", "SETUSER", "ann", ">new", "<a")
				st.lose(t, st.reset)
				if !c.closed() {
					t.Error("the client is still connected")
				}
				st.admin.Do("ACL", "DELUSER", "ann")
			})
		}
	})
}

// TestRotatedPassword: who is in stays in; and once somebody has given the new password, a connection that has to be
// made again is made with it.
func TestRotatedPassword(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		st.makeAnn(t)
		old := st.asAnn(t, "a", nil, false)
		st.admin.Do("ACL", "SETUSER", "ann", ">new", "<a")
		old.must("+OK\r\n", "SET", "k", "v") // its first command of all
		st.dial(t).mustFail("WRONGPASS", "AUTH", "ann", "a")
		newer := st.asAnn(t, "new", nil, false)
		old.must("+OK\r\n", "MULTI")
		old.must("+QUEUED\r\n", "GET", "k")
		old.must("*1\r\n"+bulk("v"), "EXEC")
		st.lose(t, st.reset)
		old.must(bulk("v"), "GET", "k")
		newer.must(bulk("ann"), "ACL", "WHOAMI")
		old.must("+OK\r\n", "SELECT", "2")
		old.must("$-1\r\n", "GET", "k")
	})
}

// TestPasswordAtRunTime: a password that is set while the proxy runs holds for those who come afterwards; who was served
// before stays in, as on the server itself.
func TestPasswordAtRunTime(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		in := st.dial(t)
		in.must("+OK\r\n", "SET", "k", "v")
		if got := st.admin.Do("CONFIG", "SET", "requirepass", "secret"); got != "+OK\r\n" {
			t.Fatal(got)
		}
		eventually(t, "strangers are asked for it", func() bool {
			return redistest.IsError(st.dial(t).do("GET", "k"), "NOAUTH")
		})
		in.must(bulk("v"), "GET", "k")
		late := st.dial(t)
		late.mustFail("NOAUTH", "MULTI")
		late.must("+OK\r\n", "AUTH", "secret")
		late.must(bulk("v"), "GET", "k")
		st.lose(t, st.reset)
		in.mustFail("NOAUTH", "GET", "k")
		in.must("+OK\r\n", "AUTH", "secret")
		in.must(bulk("v"), "GET", "k")
		late.must(bulk("v"), "GET", "k")
	})
}

// TestUnsentWithoutAuth: of a client that has not authenticated nothing but AUTH and HELLO goes up, also where the
// proxy only learns on the new connection that it should have: a long command would have it closed there.
func TestUnsentWithoutAuth(t *testing.T) {
	s := redistest.Start(t)
	st := newStage(t, s, nil)
	c := st.dial(t)
	c.must("$-1\r\n", "GET", "k")
	if got := st.admin.Do("CONFIG", "SET", "requirepass", "secret"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	many := []string{"WATCH"}
	for range 20 {
		many = append(many, "k")
	}
	c.mustFail("NOAUTH", many...)
	c.mustFail("NOAUTH", "BLPOP", "q", "0")
	c.mustFail("NOAUTH", "MULTI")
	c.must("+OK\r\n", "AUTH", "secret")
	c.must("+OK\r\n", "WATCH", "k")
	if got := st.admin.Do("INFO", "commandstats"); len(got) == 0 {
		t.Error("the server is gone")
	}
}
