package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// TestPurge: a custom command does what it says, in any case, inline and not.
func TestPurge(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	set := []string{"SET k1 a", "SET k2 b", "SET k3 a", "SET x y"}
	all := strings.Repeat("+OK|", 4)
	c.do(all+":3|", append(set, "PURGE k*")...)
	c.do(all+":2|:2|", append(set, "purge k* IFEQ a", "DEL k2 x")...)
	c.do(all+"-LIMIT more keys match than LIMIT allows; nothing was removed|", append(set, "pUrGe k* limit 2")...)
	c.bytes("PURGE PREFIX k dryrun\r\n").want(":3|")
	c.do("-DENIED a pattern without a single literal byte matches every key: name a part of the keys, or let the operator set purge.allow_wildcard_only|", "PURGE *")
	c.do("+OK|:0|+OK|:4|", "SELECT 1", "PURGE k*", "SELECT 0", "DEL k1 k2 k3 x")
	r.end(t, c)
}

// TestHealing: a script that is missing is loaded and the command sent again,
// unless something was sent behind it.
func TestHealing(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		want  string
	}{
		"alone":            {[]string{"PURGE k*"}, ":2|"},
		"after others":     {[]string{"ECHO a", "PURGE k*"}, "$1|a|:2|"},
		"before a refusal": {[]string{"PURGE k*", "eval x 0"}, tryAgainText + evalText},
		"before others":    {[]string{"PURGE k*", "ECHO a"}, tryAgainText + "$1|a|"},
		"dry run":          {[]string{"PURGE k* DRYRUN"}, ":2|"},
		"in MULTI":         {[]string{"MULTI", "PURGE k*", "EXEC"}, "+OK|+QUEUED|*1|-NOSCRIPT No matching script. Please use EVAL.|"},
		"guarded":          {[]string{"WATCH w", "PURGE k*"}, "+OK|:2|"},
		"raw":              {[]string{"MODSTATE", "PURGE k*"}, "+OK|" + tryAgainText},
	} {
		t.Run(name, func(t *testing.T) {
			r := calmRig()
			c := r.client(t)
			c.do("+OK|+OK|", "SET k1 a", "SET k2 a")
			c.do("+OK|+OK|", "WATCH other", "UNWATCH") // a pinned link that is connected
			r.srv.FlushScripts()
			c.do(tt.want, tt.lines...)
			c.do("+PONG|", "PING")
			r.end(t, c)
		})
	}
}

// TestHealingOrder: what the client sends while the scripts are loaded waits.
func TestHealingOrder(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.do("+OK|", "SET k1 a")
	r.srv.FlushScripts()
	c.send("PURGE k*")
	for range 200 {
		r.w.Step()
		if !c.paused {
			c.send("ECHO a", "eval x 0")
		}
	}
	c.r.run()
	got := c.got()
	if first, _, _ := strings.Cut(got, "$1|a|"); first != ":1|" && first != tryAgainText {
		t.Errorf("the first reply was %q of %q", first, got)
	}
	r.end(t, c)
}

// TestHealingFails: where the scripts cannot be loaded the command is answered,
// nothing has run, and the gate is free again.
func TestHealingFails(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.do("+OK|", "SET k1 a")
	r.srv.FlushScripts()
	catalogue := r.srv.Catalogue
	r.srv.Catalogue = nil // loading does not help
	c.do(tryAgainText, "PURGE k*")
	if v, _ := r.srv.Get(0, "k1"); v != "a" {
		t.Error("k1 is gone")
	}
	r.srv.Catalogue = catalogue
	c.do(":1|", "PURGE k*")
	r.end(t, c)
}

// TestNoScripts: an upstream that has no scripts refuses custom commands, and
// nothing else.
func TestNoScripts(t *testing.T) {
	r := calmRig()
	cat := catalogue()
	up := cat.up
	up.Scripts, up.Reason = false, "no rights"
	r.env.Table = session.NewTable(session.Policy{}, cat.registry, up, cat.known, '\'')
	r.srv.Marker = nil
	c := r.client(t)
	c.do("$1|a|-NOSUPPORT custom commands are not available: no rights|+PONG|", "ECHO a", "PURGE k*", "PING")
	r.end(t, c)
}

// TestGate: one scan at a time for each db; a bounded number of others wait in
// the order in which they came.
func TestGate(t *testing.T) {
	r := calmRig()
	first := r.client(t)
	first.do("+PONG|", "PING")
	r.srv.Stall(true)
	first.send("PURGE a*")
	var waiting []*talk
	for i := range 3 { // as many as newRig's gate has room for
		c := r.client(t)
		c.send(fmt.Sprintf("PURGE b%d*", i), "ECHO after")
		waiting = append(waiting, c)
	}
	refused := r.client(t)
	refused.do("-TRYAGAIN too many keyspace scans wait for this upstream already; nothing was executed|", "PURGE c*")
	otherDB := r.client(t)
	otherDB.send("SELECT 1", "PURGE d*")
	waiting[1].leave() // gives its place up
	late := r.client(t)
	late.send("PURGE e*")
	r.run()
	for _, c := range append(waiting, late, first) {
		if got := c.got(); got != "" {
			t.Errorf("answered while the server is stalled: %q", got)
		}
	}
	r.srv.Stall(false)
	r.w.RunFor(50e6)
	first.want(":0|")
	waiting[0].want(":0|$5|after|")
	waiting[2].want(":0|$5|after|")
	late.want(":0|")
	otherDB.want("+OK|:0|")
	r.end(t, first, waiting[0], waiting[2], refused, otherDB, late)
}

// TestGateOwn: a client's own scans follow each other, and what it sends behind
// them keeps its place, also where the queue is full.
func TestGateOwn(t *testing.T) {
	r := calmRig()
	a := r.client(t)
	a.do("+PONG|", "PING")
	r.srv.Stall(true)
	a.send("PURGE a*", "eval x 0", "PURGE b*", "eval x 0", "ECHO z")
	var others []*talk
	for range 3 {
		c := r.client(t)
		c.send("PURGE c*")
		others = append(others, c)
	}
	r.run()
	r.srv.Stall(false)
	r.w.RunFor(50e6)
	got := a.got()
	full := "-TRYAGAIN too many keyspace scans wait for this upstream already; nothing was executed|"
	if want := ":0|" + evalText + ":0|" + evalText + "$1|z|"; got != want && got != strings.Replace(want, evalText+":0|", evalText+full, 1) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, c := range others {
		c.want(":0|")
	}
	r.end(t, append(others, a)...)
}

// TestGateLost: a scan that is lost with its connection, or whose client goes,
// leaves the gate.
func TestGateLost(t *testing.T) {
	for _, pinned := range []bool{false, true} {
		r := calmRig()
		a, b := r.client(t), r.client(t)
		a.do("+PONG|+OK|+OK|", "PING", "WATCH w", "UNWATCH")
		if pinned {
			a.do("+OK|", "WATCH w")
		}
		r.srv.Stall(true)
		a.send("PURGE a*")
		b.send("PURGE b*")
		r.run()
		a.leave()
		if pinned {
			r.srv.Stall(false)
		} else {
			r.lose() // the reply of a scan on a shared connection is awaited
		}
		r.w.RunFor(100e6)
		b.want(":0|")
		r.end(t, b)
	}
}

// TestRawTexts: in raw mode a refusal that holds bytes of the client's does not
// stay in memory for ever.
func TestRawTexts(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.do("+OK|", "MODSTATE")
	c.do(evalText+"-ERR syntax error|", "eval x 0", "PURGE x NOSUCH")
	before := session.PoisonTexts()
	for i := range 200 {
		c.send(fmt.Sprintf("PURGE x TYPE not-nine-characters-%d", i))
	}
	r.run()
	if got := c.got(); strings.Count(got, "|") != 200 || !strings.HasPrefix(got, "-ERR unknown type name") {
		t.Errorf("got %.200q", got)
	}
	if n := session.PoisonTexts() - before; n > 5 {
		t.Errorf("%d texts more are kept", n)
	}
	r.end(t, c)
}
