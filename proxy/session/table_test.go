package session_test

import (
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/session"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
	"github.com/atomicproxy/atomicproxy/proxy/upstream/control"
)

// TestPolicy: what the configuration denies is refused in every form, what it
// shares is shared, and raw Lua passes on a link of the session's own.
func TestPolicy(t *testing.T) {
	denied := func(name string) string {
		return "-DENIED '" + name + "' is refused by the proxy's configuration (deny)|"
	}
	t.Run("deny", func(t *testing.T) {
		r := calmRig()
		r.policy(session.Policy{Deny: []string{"del", "client|id", "purge", "modstate", "made-up"}})
		c := r.client(t)
		c.do(denied("del")+denied("del"), "DEL k", "dEl k")
		c.bytes("del k\r\n").want(denied("del"))
		c.do(denied("client|id")+"$-1|", "CLIENT ID", "CLIENT GETNAME")
		c.do(denied("purge")+denied("modstate")+denied("made-up"), "PURGE k*", "MODSTATE", "MADE-UP")
		c.do("+OK|"+denied("del")+abortText, "MULTI", "DEL k", "EXEC")
		c.do("+PONG|", "PING")
		r.end(t, c)
	})
	t.Run("share", func(t *testing.T) {
		r := calmRig()
		r.policy(session.Policy{Share: []string{"modstate"}})
		c := r.client(t)
		c.do("+OK|", "MODSTATE")
		if c.s.Pinned() {
			t.Error("pinned")
		}
		r.end(t, c)
	})
	t.Run("raw Lua", func(t *testing.T) {
		r := calmRig()
		r.policy(session.Policy{RawLua: true})
		c := r.client(t)
		c.do("-NOSCRIPT No matching script. Please use EVAL.|", "EVALSHA 0123 0")
		r.end(t, c)
	})
}

// TestUnlistedIsPinned: a command that the upstream has and the reviewed list has
// not may leave anything on its connection, so nobody else ever gets that.
func TestUnlistedIsPinned(t *testing.T) {
	r := calmRig()
	a, b := r.client(t), r.client(t)
	b.do("+PONG|", "PING")
	a.do("+OK|", "MODSTATE x")
	var holder int
	for _, p := range r.srv.Peers() {
		if p.Last != nil {
			holder = p.ID
			if link(p).Shared() {
				t.Error("its state is on a shared connection")
			}
		}
	}
	if holder == 0 {
		t.Fatal("no connection has the state")
	}
	a.leave()
	r.run()
	for _, p := range r.srv.Peers() {
		if p.ID == holder {
			t.Error("the connection is kept for another client")
		}
	}
	r.end(t, b)
}

// TestUnlistedScripting: a renamed EVAL is raw Lua all the same.
func TestUnlistedScripting(t *testing.T) {
	cat := catalogue()
	known := map[string]control.Info{"lave": {Arity: -3, Scripting: true}}
	r := calmRig()
	r.env.Table = session.NewTable(session.Policy{}, cat.registry, cat.up, known, '\'')
	c := r.client(t)
	c.do("-DENIED 'lave' runs scripts of the client's own; use a custom command, or have raw_lua set|", "LAVE x 0")
	r.end(t, c)
}

// TestUnknownUpstream: where the upstream's commands are not to be had, a name
// that is not on the list might be anything.
func TestUnknownUpstream(t *testing.T) {
	cat := catalogue()
	r := calmRig()
	r.env.Table = session.NewTable(session.Policy{}, cat.registry, cat.up, nil, '\'')
	c := r.client(t)
	c.do("+PONG|$-1|", "PING", "GET k")
	if c.s.Pinned() {
		t.Error("pinned for commands on the list")
	}
	c.do("-ERR unknown command 'NOSUCH', with args beginning with: |", "NOSUCH")
	if !c.s.Pinned() {
		t.Error("not pinned for a name that nobody knows")
	}
	r.end(t, c)
}

// TestRepeatable: what may be sent again after a loss.
func TestRepeatable(t *testing.T) {
	table := catalogue().table
	for line, want := range map[string]bool{
		"GET k": true, "get k": true, "LRANGE l 0 -1": true, "SCAN 0": true, "SCAN 17": false, "scan 0 MATCH x": true,
		"SET k v": false, "INCR k": false, "BLPOP k 0": false, "EVALSHA x 0": false, "EVALSHA_RO x 0": true, "NOSUCH": false,
	} {
		if got := table.Repeatable([]byte(frames(line))) == upstream.Always; got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
	if table.Repeatable([]byte("*0\r\n")) != 0 || table.Repeatable(nil) != 0 {
		t.Error("what is no command is repeatable")
	}
}
