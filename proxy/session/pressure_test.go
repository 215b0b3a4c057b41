package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// TestFullLink: a link that is full holds its senders, who are paused, and lets
// them go on in order when there is room.
func TestFullLink(t *testing.T) {
	r := calmRig()
	a, b := r.client(t), r.client(t)
	a.do("+PONG|", "PING")
	r.srv.Stall(true)
	value := strings.Repeat("v", 500_000)
	sent := 0
	for i := 0; !a.paused; i++ {
		a.send(fmt.Sprintf("SET k%d %s", i, value))
		if sent++; sent > 100 {
			t.Fatal("the link takes everything")
		}
	}
	b.send("INCR n")
	if !b.paused {
		t.Error("another client of the link is not paused")
	}
	if limit := 5 << 20; sent*len(value) > limit+1<<20 {
		t.Errorf("%d bytes were taken before the pause", sent*len(value))
	}
	r.srv.Stall(false)
	r.w.RunFor(50e6)
	if a.paused || b.paused {
		t.Error("still paused")
	}
	a.want(strings.Repeat("+OK|", sent))
	b.want(":1|")
	r.end(t, a, b)
}

// TestFullLinkLost: when the link is lost or nobody is there, those whom it held
// are answered like all others.
func TestFullLinkLost(t *testing.T) {
	r := calmRig()
	a := r.client(t)
	a.do("+PONG|", "PING")
	r.srv.Stall(true)
	sent := 0
	for ; !a.paused; sent++ {
		a.send("SET k " + strings.Repeat("v", 500_000))
	}
	r.srv.Die(false)
	r.w.RunFor(5 * r.up.Wait)
	got := a.got()
	if strings.Count(got, "|") != sent || a.paused {
		t.Errorf("%d replies to %d commands, paused %v", strings.Count(got, "|"), sent, a.paused)
	}
	r.srv.Restart()
	r.w.RunFor(2e9)
	a.do("+PONG|", "PING")
	r.end(t, a)
}

// TestSlowReader: a client that does not take its replies holds up its own link
// and nobody else's.
func TestSlowReader(t *testing.T) {
	r := calmRig()
	slow, other := r.client(t), r.client(t)
	slow.do("+OK|", "WATCH w")
	slow.s.Congested(true)
	other.do("+PONG|", "PING")
	slow.send("ECHO a")
	slow.want("")
	slow.s.Congested(false)
	slow.want("$1|a|")
	slow.s.Congested(true)
	slow.do("", "UNWATCH")
	slow.s.Congested(false)
	slow.want("+OK|")
	// On a shared link it cannot be paused; pinned while slow, it is at once.
	slow.s.Congested(true)
	slow.do("$1|b|", "ECHO b")
	slow.do("", "WATCH w", "ECHO c")
	slow.s.Congested(false)
	slow.want("+OK|$1|c|")
	r.end(t, slow, other)
}

// TestInputTotal: incomplete commands are bounded over all clients.
func TestInputTotal(t *testing.T) {
	r := calmRig()
	r.env.InputMax = 100_000
	a, b := r.client(t), r.client(t)
	a.bytes("*2\r\n$4\r\nECHO\r\n$90000\r\n" + strings.Repeat("v", 60_000))
	b.bytes("*2\r\n$4\r\nECHO\r\n$90000\r\n" + strings.Repeat("v", 30_000))
	if a.closed || b.closed {
		t.Fatal("closed too early")
	}
	b.bytes(strings.Repeat("v", 20_000))
	b.wantClosed(session.InputTotal)
	a.bytes(strings.Repeat("v", 30_000) + "\r\n")
	r.run()
	if got := a.got(); !strings.HasPrefix(got, "$90000|vvv") {
		t.Errorf("got %.40q", got)
	}
	r.end(t, a)
}

// TestDrain: a session that is drained answers what it has taken and closes.
func TestDrain(t *testing.T) {
	r := calmRig()
	idle, busy, raw := r.client(t), r.client(t), r.client(t)
	raw.do("+OK|", "MODSTATE")
	busy.send("INCR n", "INCR n")
	for _, c := range []*talk{idle, busy, raw} {
		c.s.Drain()
	}
	busy.want(":1|:2|")
	for _, c := range []*talk{idle, busy, raw} {
		c.wantClosed(session.Draining)
	}
	r.end(t)
}
