package control

import (
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestPasswordAtRunTime: a password that is set while the control connection stands is noticed, and one that is taken
// away again.
func TestPasswordAtRunTime(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		admin := s.Dial(t)
		_, states := plane(t, Options{Addr: s.Addr, Interval: 10 * time.Millisecond})
		await(t, states, "open", func(st *State) bool { return st.Connected && !st.ClientsMustAuth })
		if got := admin.Do("CONFIG", "SET", "requirepass", "secret"); got != "+OK\r\n" {
			t.Fatal(got)
		}
		await(t, states, "closed", func(st *State) bool { return st.ClientsMustAuth && st.AuthRequired })
		if got := admin.Do("CONFIG", "SET", "requirepass", ""); got != "+OK\r\n" {
			t.Fatal(got)
		}
		await(t, states, "open again", func(st *State) bool { return st.Connected && !st.ClientsMustAuth && st.Upstream.Scripts })
	})
}

// TestGuardedByUser: the same where the control connection has a user of its own, one that may ask.
func TestGuardedByUser(t *testing.T) {
	s := redistest.Start(t)
	admin := s.Dial(t)
	admin.Do("ACL", "SETUSER", "ctl", "on", ">x", "~*", "+@all")
	_, states := plane(t, Options{Addr: s.Addr, Interval: 10 * time.Millisecond,
		Credentials: credentials("ctl", "x")})
	await(t, states, "open", func(st *State) bool { return st.Connected && !st.ClientsMustAuth })
	admin.Do("CONFIG", "SET", "requirepass", "secret")
	await(t, states, "closed", func(st *State) bool { return st.ClientsMustAuth && st.Connected && st.Upstream.Scripts })
}

// TestAskedOnce: a control user who may not ask is refused once, not every second: each refusal stands in the
// upstream's ACL LOG.
func TestAskedOnce(t *testing.T) {
	s := redistest.Start(t)
	admin := s.Dial(t)
	admin.Do("ACL", "SETUSER", "ctl", "on", ">x", "+ping", "+info", "+command", "+hello", "+script|load", "+script|exists")
	_, states := plane(t, Options{Addr: s.Addr, Interval: time.Millisecond,
		Credentials: credentials("ctl", "x")})
	await(t, states, "connected", connected)
	before := admin.Do("ACL", "LOG")
	admin.Do("CONFIG", "RESETSTAT")
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(admin.Do("INFO", "commandstats"), "cmdstat_ping:calls=2"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the plane does not look whether the upstream answers")
		}
	}
	if after := admin.Do("ACL", "LOG"); strings.Count(after, "getuser") != strings.Count(before, "getuser") || !strings.Contains(before, "getuser") {
		t.Errorf("before %.300q, after %.300q", before, after)
	}
}
