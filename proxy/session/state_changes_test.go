package session_test

import (
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// TestUserDeleted: every session of a user whom the upstream does not accept any more is closed, with or without
// anything in flight; others go on.
func TestUserDeleted(t *testing.T) {
	for name, before := range map[string][]string{
		"nothing asked": nil, "idle": {"GET k"}, "another db": {"SELECT 2"}, "watching": {"WATCH w"}, "in MULTI": {"MULTI", "GET k"},
		"ended a transaction": {"MULTI", "EXEC"}, "waited": {"SET o 1", "WAIT 0 0"}, "blocked": {"BLPOP l 0"}, "subscribed": {"SUBSCRIBE c"},
	} {
		t.Run(name, func(t *testing.T) {
			r := calmRig()
			r.srv.Users["ann"] = "one"
			c, other := r.client(t), r.client(t)
			other.do("$-1|", "GET k")
			c.do("+OK|", "AUTH ann one")
			for _, line := range before {
				c.send(line)
				r.run()
			}
			delete(r.srv.Users, "ann")
			r.lose()
			r.w.RunFor(2e9)
			c.wantClosed(closedBecause(name))
			other.do("$-1|", "GET k")
			r.end(t, c, other)
		})
	}
}

// closedBecause: a subscriber is closed for its subscription already.
func closedBecause(state string) session.Reason {
	if state == "subscribed" {
		return session.UpstreamLost
	}
	return session.UpstreamDenied
}

// TestNewestPassword: what has to be connected again is connected with the newest password that was accepted.
func TestNewestPassword(t *testing.T) {
	r := calmRig()
	r.srv.Users["ann"] = "one"
	c, later := r.client(t), r.client(t)
	c.do("+OK|", "AUTH ann one")
	r.srv.Users["ann"] = "two"
	c.do("$-1|", "GET k") // the connection outlives its password
	later.do("+OK|", "AUTH ann two")
	c.do("+OK|+OK|", "WATCH w", "UNWATCH")
	r.lose()
	r.w.RunFor(1e9)
	c.do("$-1|+OK|+OK|", "GET k", "WATCH w", "UNWATCH")
	later.do("$-1|", "GET k")
	r.end(t, c, later)
}

// TestServedBeforePassword: who was served before the upstream demanded a password stays in, until RESET.
func TestServedBeforePassword(t *testing.T) {
	r := calmRig()
	in := r.client(t)
	in.do("$-1|", "GET k")
	r.env.AuthRequired = true
	late := r.client(t)
	late.do(noAuthText, "GET k")
	in.do("$-1|", "GET k")
	in.do("+RESET|"+noAuthText, "RESET", "GET k")
	r.end(t, in, late)
}

// TestHelloLeftAName: a HELLO that failed may have named its connection, which only that connection knows.
func TestHelloLeftAName(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.send("HELLO 3 SETNAME joe NOSUCH")
	r.run()
	if got := c.got(); got == "" || got[0] != '-' {
		t.Fatalf("got %q", got)
	}
	if !c.s.Pinned() {
		t.Error("the connection was given back")
	}
	c.send("PING")
	c.want("+PONG|")
	r.end(t, c)
}
