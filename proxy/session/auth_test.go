package session_test

import (
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

const (
	noAuthText    = "-NOAUTH Authentication required.|"
	wrongPassText = "-WRONGPASS invalid username-password pair or user is disabled.|"
)

// lockedRig has a server that demands a password.
func lockedRig() *rig {
	r := calmRig()
	r.srv.Password = "secret"
	r.srv.Users["ann"] = "pw-ann"
	r.env.AuthRequired = true
	return r
}

// TestBeforeAuth: a client that has not authenticated is answered by the proxy,
// as Redis would, and nothing of it but AUTH and HELLO reaches the upstream.
func TestBeforeAuth(t *testing.T) {
	unknown := "-ERR unknown command 'NOSUCH', with args beginning with: 'a b' '|" // the rest of the line
	for name, tt := range map[string]struct{ in, want string }{
		"known":         {frames("GET k"), noAuthText},
		"custom":        {frames("PURGE k*"), noAuthText},
		"refused":       {frames("EVAL x 0"), noAuthText},
		"arity":         {frames("GET"), "-ERR wrong number of arguments for 'get' command|"},
		"arity, case":   {frames("gEt"), "-ERR wrong number of arguments for 'get' command|"},
		"unknown":       {frames("NOSUCH a"), "-ERR unknown command 'NOSUCH', with args beginning with: 'a' |"},
		"no line break": {"*2\r\n$6\r\nNOSUCH\r\n$6\r\na\r\n+OK\r\n", strings.Replace(unknown, "a b' '", "a  +OK' ", 1)},
		"inline":        {"get k\r\n", noAuthText},
		"transaction":   {frames("MULTI", "SET k 1", "EXEC"), noAuthText + noAuthText + noAuthText},
		"subscription":  {frames("SUBSCRIBE c"), noAuthText},
		"quit":          {frames("QUIT"), "+OK|"},
		"many":          {frames("EVAL x 0 1 2 3 4 5 6 7 8"), "-ERR Protocol error: unauthenticated multibulk length|"},
		"long":          {"*2\r\n$3\r\nGET\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length|"},
		"wrong":         {frames("AUTH wrong", "GET k"), wrongPassText + noAuthText},
		"wrong HELLO":   {frames("HELLO 3 AUTH ann no", "GET k"), wrongPassText + noAuthText},
		"right":         {frames("AUTH secret", "GET k"), "+OK|$-1|"},
		"right, user":   {frames("AUTH ann pw-ann", "GET k"), "+OK|$-1|"},
		"twice":         {frames("AUTH wrong", "AUTH secret", "GET k", "AUTH wrong", "GET k"), wrongPassText + "+OK|$-1|" + wrongPassText + "$-1|"},
	} {
		t.Run(name, func(t *testing.T) {
			r := lockedRig()
			c := r.client(t)
			c.bytes(tt.in)
			for range 4 {
				r.run()
			}
			c.want(tt.want)
			if _, ok := r.srv.Get(0, "k"); ok {
				t.Error("something ran")
			}
			r.end(t, c)
		})
	}
}

// TestAuthFound: an upstream that turns out to demand authentication tells those
// who wait, and the proxy knows from then on.
func TestAuthFound(t *testing.T) {
	r := lockedRig()
	r.env.AuthRequired = false
	c := r.client(t)
	c.do(noAuthText+noAuthText, "GET k", "GET j")
	if !r.env.AuthRequired {
		t.Error("the proxy has not learnt it")
	}
	c.do(noAuthText+"+OK|$-1|", "GET k", "AUTH secret", "GET k")
	r.end(t, c)
}

// TestUsersApart: whatever a session does, its commands run as its own user,
// also on a connection that another session has left.
func TestUsersApart(t *testing.T) {
	t.Run("Redis 7", func(t *testing.T) { usersApart(t, false) })
	t.Run("Redis 6", func(t *testing.T) { usersApart(t, true) })
}

func usersApart(t *testing.T, eager bool) {
	r := calmRig()
	r.srv.EagerHello = eager
	r.srv.Users["ann"], r.srv.Users["bob"] = "pw-ann", "pw-bob"
	mark := 0
	ranAs := func(c *talk, want string) {
		t.Helper()
		mark++
		m := "~9." + string(rune('0'+mark/10)) + string(rune('0'+mark%10)) + ".0"
		c.send("GET k "+m, "WATCH k", "GET k "+m+"1", "UNWATCH")
		r.run()
		c.got()
		for _, m := range []string{m, m + "1"} {
			if rec := r.srv.Records[m]; rec == nil || rec.User != want {
				t.Errorf("%s ran as %+v, want user %q", m, rec, want)
			}
		}
	}
	ann := r.client(t)
	ann.do("+OK|", "AUTH ann pw-ann")
	ann.do("+OK|+OK|", "WATCH a", "UNWATCH") // leaves a free connection of ann's
	for _, lines := range [][]string{
		{"HELLO 3 SETNAME auth"}, {"HELLO 2 SETNAME AUTH"}, {"HELLO 3 AUTH ann"}, {"HELLO 3 AUTH ann no"},
		{"AUTH ann no"}, {"AUTH ann"}, {"AUTH ann pw-ann x"}, {"HELLO 4 AUTH ann pw-ann"}, {"HELLO 3 NOSUCH"},
		{"HELLO 3 AUTH ann pw-ann NOSUCH"}, {"RESET"}, {"WATCH a", "RESET"}, {"MULTI", "AUTH ann no", "EXEC"},
	} {
		c := r.client(t)
		c.send(lines...)
		r.run()
		c.got()
		if !eager { // there it is the client who has become another
			ranAs(c, "")
		}
		c.leave()
		other := r.client(t)
		ranAs(other, "")
		other.leave()
		ranAs(ann, "ann")
	}
	bob := r.client(t)
	bob.do("+OK|", "AUTH ann pw-ann")
	ranAs(bob, "ann")
	bob.do("+OK|", "AUTH bob pw-bob")
	ranAs(bob, "bob")
	ranAs(ann, "ann")
	bob.do("+OK|+OK|", "WATCH x", "AUTH ann pw-ann")
	ranAs(bob, "ann")
	fresh := r.client(t)
	ranAs(fresh, "")
	r.end(t, ann, bob, fresh)
}

// TestMovesBehindWait: WAIT goes to the connection of the last write, and what
// follows it to that of the session's user, db and protocol.
func TestMovesBehindWait(t *testing.T) {
	r := calmRig()
	r.srv.Users["ann"] = "pw-ann"
	c := r.client(t)
	c.do("+OK|", "SET k 0")
	c.do("+OK|", "SELECT 3")
	c.do("+OK|", "AUTH ann pw-ann")
	c.do("$-1|", "GET k")
	c.send("WAIT 0 0", "GET k ~1.1.0", "SET k 3 ~1.2.0", "GET k ~1.3.0")
	r.run()
	r.run()
	if got := c.got(); !strings.HasSuffix(got, "|$-1|+OK|$1|3|") {
		t.Errorf("got %q", got)
	}
	for _, m := range []string{"~1.1.0", "~1.2.0", "~1.3.0"} {
		if rec := r.srv.Records[m]; rec == nil || rec.DB != 3 || rec.User != "ann" {
			t.Errorf("%s ran as %+v, want db 3, user ann", m, rec)
		}
	}
	r.end(t, c)
}

// TestPrivateFromStart: without multiplexing every session has a link of its
// own, and leaves none behind.
func TestPrivateFromStart(t *testing.T) {
	r := calmRig()
	r.env.Multiplex = false
	a, b := r.client(t), r.client(t)
	a.do("+OK|+OK|$1|1|", "SELECT 2", "SET k 1", "GET k")
	b.do("$-1|", "GET k")
	if !a.s.Pinned() || !b.s.Pinned() {
		t.Error("a session shares its link")
	}
	r.end(t, a, b)
}

// TestTooManyPinned: when no more links may be had, what needs one is refused,
// in its place, and the session goes on.
func TestTooManyPinned(t *testing.T) {
	r := calmRig()
	var clients []*talk
	for range 64 { // newRig's bound
		c := r.client(t)
		c.do("+OK|", "WATCH w")
		clients = append(clients, c)
	}
	c := r.client(t)
	const text = "-UNAVAILABLE the proxy has as many upstream connections of single clients as upstream.max_pinned allows; the command was not sent|"
	c.do("$1|a|"+text+"$1|b|", "ECHO a", "WATCH w", "ECHO b")
	c.do(text+"+PONG|", "SUBSCRIBE c", "PING")
	clients[0].do("+OK|", "UNWATCH")
	c.do("+OK|", "WATCH w")
	r.end(t, append(clients, c)...)
}

var _ session.Client = (*talk)(nil)
