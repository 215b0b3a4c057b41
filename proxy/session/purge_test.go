package session_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// fillKeys writes n keys "k:0" … and as many "x:0" … straight into the server.
func (r *rig) fillKeys(n int) {
	p := r.srv.Direct(func([]byte) {})
	defer p.Close()
	for i := range n {
		p.Data([]byte(frames(fmt.Sprintf("SET k:%d v", i), fmt.Sprintf("SET x:%d v", i))))
	}
}

// count is how many keys of that prefix the server has, of n.
func (r *rig) count(prefix string, n int) (left int) {
	for i := range n {
		if _, ok := r.srv.Get(0, fmt.Sprintf("%s%d", prefix, i)); ok {
			left++
		}
	}
	return left
}

// logged gives the rig a log and returns it.
func (r *rig) logged() *bytes.Buffer {
	var b bytes.Buffer
	r.env.Log = slog.New(slog.NewTextHandler(&b, nil))
	r.env.Address = func(session.Client) string { return "10.0.0.1:5" }
	return &b
}

// TestPurgeSteps: SNAPSHOT and SWEEP remove what matches and nothing else, in any
// order of the options, and leave nothing behind.
func TestPurgeSteps(t *testing.T) {
	for _, tt := range []struct {
		call string
		want string
		left int
	}{
		{"PURGE k:* SWEEP", ":300|", 0},
		{"purge prefix k: sweep", ":300|", 0},
		{"PURGE k:* SNAPSHOT", ":300|", 0},
		{"PURGE k:* LIMIT 300 SNAPSHOT TYPE string", ":300|", 0},
		{"PURGE k:* SNAPSHOT LIMIT 299", "-LIMIT more keys match than LIMIT allows; nothing was removed|", 300},
		{"PURGE k:* SNAPSHOT IFEQ v", ":300|", 0},
		{"PURGE k:* SWEEP IFEQ w", ":0|", 300},
		{"PURGE k:* SWEEP TYPE list", ":0|", 300},
		{"PURGE k:* SNAPSHOT TYPE list IFEQ v", ":0|", 300},
		{"PURGE k:* SWEEP DRYRUN", ":300|", 300},
		{"PURGE k:* SNAPSHOT DRYRUN", ":300|", 300},
		{"PURGE k:* SNAPSHOT DRYRUN LIMIT 10", "-LIMIT more keys match than LIMIT allows; nothing was removed|", 300},
		{"PURGE none:* SNAPSHOT", ":0|", 300},
		{"PURGE k:* SWEEP SNAPSHOT", "-ERR syntax error|", 300},
		{"PURGE * SWEEP", "-DENIED a pattern without a single literal byte matches every key: name a part of the keys, or let the operator set purge.allow_wildcard_only|", 300},
	} {
		r := calmRig()
		r.fillKeys(300)
		c := r.client(t)
		c.do("$1|a|"+tt.want+"$1|b|", "ECHO a", tt.call, "ECHO b")
		if k, x := r.count("k:", 300), r.count("x:", 300); k != tt.left || x != 300 {
			t.Errorf("%s: %d of the matches are left, want %d; %d of the others, want 300", tt.call, k, tt.left, x)
		}
		r.end(t, c)
	}
}

// TestPurgeStepsPlace: where they can't run they are refused, and a transaction
// that holds one aborts.
func TestPurgeStepsPlace(t *testing.T) {
	r := calmRig()
	r.fillKeys(10)
	c := r.client(t)
	const inMulti = "-ERR PURGE with SNAPSHOT or SWEEP is not allowed inside a transaction: it takes many steps|"
	c.do("+OK|"+inMulti+"+QUEUED|"+abortText, "MULTI", "PURGE k:* SWEEP", "SET a b", "EXEC")
	c.do("+OK|", "MULTI")
	c.do(inMulti, "PURGE k:* SNAPSHOT")
	c.do(abortText, "EXEC")
	c.do("+OK|:10|+OK|:0|+OK|", "WATCH k:1", "PURGE k:* SWEEP", "SELECT 1", "PURGE x:* SNAPSHOT", "SELECT 0")
	raw := r.client(t)
	raw.do("+OK|-DENIED PURGE with SNAPSHOT or SWEEP is not run for a connection that holds state of its own, such as subscriptions: use another one|",
		"MODSTATE", "PURGE x:* SWEEP")
	if left := r.count("x:", 10); left != 10 {
		t.Errorf("%d of 10 keys are left", left)
	}
	r.end(t, c, raw)
}

// midway begins a SWEEP and stops the world once so many of n keys are gone.
func (r *rig) midway(c *talk, call string, n, gone int) {
	c.t.Helper()
	c.send(call)
	for range 100_000 {
		if n-r.count("k:", n) >= gone {
			return
		}
		r.w.Step()
	}
	c.t.Fatalf("the SWEEP does not get anywhere: %d keys are left; %s", r.count("k:", n), c.s.Dump())
}

// TestSweepReplaced: when another server takes the place of the first, the SWEEP
// begins again from the start, and its count is of the keys that went.
func TestSweepReplaced(t *testing.T) {
	r := calmRig()
	r.fillKeys(2000)
	c := r.client(t)
	// A server that is held between two steps has nothing in flight but a page.
	r.midway(c, "PURGE k:* SWEEP", 2000, 300)
	r.srv.Die(false)
	first := 2000 - r.count("k:", 2000)
	r.srv.Restart() // with another run, to which cursors of the first mean nothing
	r.w.RunFor(10 * time.Second)
	got := c.got()
	if k, x := r.count("k:", 2000), r.count("x:", 2000); k != 0 || x != 2000 {
		t.Errorf("%d matches and %d others are left", k, x)
	}
	var least, most int
	switch n, _ := fmt.Sscanf(got, ":%d|", &least); {
	case n == 1:
		most = least
	default:
		if _, err := fmt.Sscanf(got[strings.Index(got, "at least"):], "at least %d and at most %d keys|", &least, &most); err != nil {
			t.Fatalf("got %q", got)
		}
	}
	if least > 2000 || most < 2000 || first == 0 || first == 2000 {
		t.Errorf("got %q for 2000 keys, %d before the loss", got, first)
	}
	r.end(t, c)
}

// TestSweepIdleLoss: a connection that is lost while no removal is in flight
// leaves the count exact.
func TestSweepIdleLoss(t *testing.T) {
	r := calmRig()
	r.fillKeys(2000)
	other := r.client(t)
	other.do("+PONG|", "PING")
	c := r.client(t)
	r.midway(c, "PURGE k:* SWEEP", 2000, 300)
	// Another scan takes the gate, and the SWEEP waits for it with nothing in flight.
	other.send("PURGE none*")
	for range 10_000 {
		if r.env.Links.Gauges().InFlight == 1 && other.s.HoldsGate() && c.s.PurgeWaits() {
			break
		}
		r.w.Step()
	}
	r.srv.Die(false)
	r.srv.Restart()
	r.w.RunFor(10 * time.Second)
	c.want(":2000|")
	if left := r.count("k:", 2000); left != 0 {
		t.Errorf("%d matches are left", left)
	}
	r.end(t, c, other)
}

// TestPurgeStepsAway: while the upstream is not there nothing is removed, and the
// client hears so within upstream.wait.
func TestPurgeStepsAway(t *testing.T) {
	for _, mode := range []string{"SWEEP", "SNAPSHOT"} {
		r := calmRig()
		c := r.client(t)
		r.srv.Die(false)
		c.send("PURGE k:* "+mode, "ECHO a")
		r.w.RunFor(3 * time.Second)
		if got := c.got(); !strings.HasPrefix(got, unavailableText) {
			t.Errorf("got %q", got)
		}
		r.srv.Restart()
		r.end(t, c)
	}
}

// TestSweepClientGone: a SWEEP ends with its client, however that ends, and
// nothing of it is left.
func TestSweepClientGone(t *testing.T) {
	for name, gone := range map[string]func(*talk){
		"reset":  func(c *talk) { c.leave() },
		"eof":    func(c *talk) { c.s.EOF() },
		"kill":   func(c *talk) { c.s.Kill() },
		"drain":  func(c *talk) { c.s.Drain() },
		"stall":  func(c *talk) { c.r.srv.Stall(true); c.leave(); c.r.run(); c.r.srv.Stall(false) },
		"cancel": func(c *talk) { c.s.CancelPurge() },
	} {
		t.Run(name, func(t *testing.T) {
			r := calmRig()
			log := r.logged()
			r.fillKeys(2000)
			c := r.client(t)
			r.midway(c, "PURGE k:* SWEEP", 2000, 300)
			gone(c)
			r.w.RunFor(time.Second)
			left := r.count("k:", 2000)
			if left == 0 || left > 1700 {
				t.Errorf("%d keys are left", left)
			}
			if got := c.got(); !c.closed && got != fmt.Sprintf("-ERR PURGE SWEEP was cancelled (it had removed %d keys)|", 2000-left) {
				t.Errorf("%d are left, got %q", left, got)
			}
			want := fmt.Sprintf("audit.user=default audit.client=10.0.0.1:5 audit.db=0 audit.call=\"PURGE k:* SWEEP\" audit.removed=%d ", 2000-left)
			if s := log.String(); strings.Count(s, "msg=purge") != 1 || !strings.Contains(s, want) || !strings.Contains(s, "audit.outcome=stopped") {
				t.Errorf("audit %s, want %s", s, want)
			}
			// What is left is removed by the next.
			again := r.client(t)
			again.send("PURGE k:* SWEEP")
			r.w.RunFor(time.Second)
			again.want(fmt.Sprintf(":%d|", left))
			r.end(t, c, again)
		})
	}
}

// TestPurgeStepsHeal: scripts that were flushed are loaded again, unseen.
func TestPurgeStepsHeal(t *testing.T) {
	r := calmRig()
	r.fillKeys(2000)
	c := r.client(t)
	r.midway(c, "PURGE k:* SWEEP", 2000, 300)
	r.srv.FlushScripts()
	r.w.RunFor(time.Second)
	c.want(":2000|")
	r.end(t, c)
}

// TestPurgeStepsGate: a long SWEEP lets a PURGE of one step in between two of its
// own.
func TestPurgeStepsGate(t *testing.T) {
	r := calmRig()
	r.fillKeys(2000)
	c := r.client(t)
	r.midway(c, "PURGE k:* SWEEP", 2000, 300)
	other := r.client(t)
	other.send("PURGE x:1*")
	for range 100_000 {
		if len(other.out) > 0 {
			break
		}
		r.w.Step()
	}
	left := r.count("k:", 2000)
	if got := other.got(); got != ":1111|" || left == 0 {
		t.Errorf("beside the SWEEP: %q; %d keys are left to that", got, left)
	}
	r.w.RunFor(time.Second)
	c.want(":2000|")
	r.end(t, c, other)
}

// TestPurgeStepsBeside: PURGEs in steps take turns. There are as many as may wait
// for the gate, and one.
func TestPurgeStepsBeside(t *testing.T) {
	r := calmRig()
	r.fillKeys(2000)
	var clients []*talk
	for range 5 {
		c := r.client(t)
		c.do("+OK|+OK|", "WATCH k", "UNWATCH") // has had a link, which is there for the next
		clients = append(clients, c)
	}
	r.srv.Stall(true)
	for _, c := range clients {
		c.send("PURGE k:* SWEEP")
	}
	clients[4].want("-TRYAGAIN too many keyspace scans wait for this upstream already; nothing was executed|")
	r.srv.Stall(false)
	r.w.RunFor(time.Second)
	total := 0
	for _, c := range clients[:4] {
		var n int
		got := c.got()
		if _, err := fmt.Sscanf(got, ":%d|", &n); err != nil {
			t.Errorf("one of four got %q", got)
		}
		total += n
	}
	if total != 2000 {
		t.Errorf("four SWEEPs have removed %d keys, want 2000", total)
	}
	r.end(t, clients...)
}

// TestPurgeAudit: each PURGE leaves one record, whatever became of it.
func TestPurgeAudit(t *testing.T) {
	for _, tt := range []struct{ lines, want string }{
		{"PURGE k:*", `audit.call="PURGE k:\*" audit.removed=10 .* audit.outcome=done$`},
		{"PURGE k:* SWEEP", `audit.call="PURGE k:\* SWEEP" audit.removed=10 .* audit.outcome=done audit.id=1 `},
		{"PURGE k:* DRYRUN SWEEP", `audit.matched=10 .* audit.outcome=done`}, {"PURGE k:* DRYRUN", `audit.matched=10 .* audit.outcome=done`},
		{"PURGE k:* LIMIT 1", `audit.removed=0 .* audit.outcome=LIMIT audit.error="LIMIT more`},
		{"PURGE k:* LIMIT 1 SNAPSHOT", `audit.removed=0 .* audit.outcome=LIMIT audit.error="LIMIT more`},
		{"PURGE k:*\r\n\"=x", `audit.call="PURGE \\"k:\*\\\\x0d\\\\x0a\\\\x22=x\\"" audit.removed=0 `},
		{"MULTI;PURGE k:*;EXEC", `audit.removed=0 .* audit.outcome=queued`},
		{"MODSTATE;PURGE k:*", `audit.removed=0 .* audit.outcome="not known"`},
	} {
		r := calmRig()
		log := r.logged()
		r.fillKeys(10)
		c := r.client(t)
		c.send(strings.Split(tt.lines, ";")...)
		r.run()
		if s := log.String(); strings.Count(s, "msg=purge") != 1 || !matchesLine(s, tt.want) {
			t.Errorf("%q: %s, want %s", tt.lines, s, tt.want)
		}
		r.end(t, c)
	}
}

// matchesLine reports whether one line of a text matches.
func matchesLine(text, pattern string) bool {
	return regexp.MustCompile(`(?m)` + pattern).MatchString(text)
}
