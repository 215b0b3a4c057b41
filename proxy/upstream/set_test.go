package upstream_test

import (
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

var ann = upstream.Identity{Auth: true, User: "ann", Password: "p"}

// pinned returns a link of the owner's own that is connected, and its connection.
func pinned(t *testing.T, b *bench, s *upstream.Set, id upstream.Identity, o upstream.Owner) (*upstream.Link, *fakeConn) {
	t.Helper()
	l := s.Pin(id, o, upstream.Exact)
	if l == nil {
		t.Fatal("no link")
	}
	l.Connect()
	c := b.greet()
	c.take()
	return l, c
}

// TestFreeLinks: a clean link serves the next session that it fits, and is
// brought to that session's identity first.
func TestFreeLinks(t *testing.T) {
	with := func(id upstream.Identity, change func(*upstream.Identity)) upstream.Identity {
		change(&id)
		return id
	}
	for name, tt := range map[string]struct {
		have, want upstream.Identity
		fit        upstream.Fit
		reused     bool
		sent       string
	}{
		"the same":      {ann, ann, upstream.Exact, true, "GET k"},
		"another db":    {ann, with(ann, func(i *upstream.Identity) { i.DB = 2 }), upstream.Exact, true, "SELECT 2; GET k"},
		"back to db 0":  {with(ann, func(i *upstream.Identity) { i.DB = 2 }), ann, upstream.Exact, true, "SELECT 0; GET k"},
		"RESP3":         {ann, with(ann, func(i *upstream.Identity) { i.Proto = 3 }), upstream.Exact, true, "HELLO 3; GET k"},
		"back to RESP2": {with(ann, func(i *upstream.Identity) { i.Proto = 3 }), ann, upstream.Exact, true, "HELLO 2; GET k"},
		"a name":        {ann, with(ann, func(i *upstream.Identity) { i.Name = "n" }), upstream.Exact, true, "CLIENT SETNAME n; GET k"},
		"no name":       {with(ann, func(i *upstream.Identity) { i.Name = "n" }), ann, upstream.Exact, true, "CLIENT SETNAME ; GET k"},
		"another user":  {ann, upstream.Identity{}, upstream.Exact, false, ""},
		// The connection is that user already, whatever password opened it.
		"another password": {ann, with(ann, func(i *upstream.Identity) { i.Password = "q" }), upstream.Exact, true, "GET k"},
		"any user":         {ann, upstream.Identity{}, upstream.AnyUser, true, "GET k"},
		// It is for AUTH, and goes back after that.
		"any user, another db": {ann, upstream.Identity{DB: 1}, upstream.AnyUser, true, "GET k"},
		"as it is":             {ann, ann, upstream.AsIs, true, "GET k"},
		"as it is, another db": {ann, with(ann, func(i *upstream.Identity) { i.DB = 2 }), upstream.AsIs, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			var log []string
			s := upstream.NewSet(&b.env, upstream.Key{}, 10)
			one, two := newSink("a", &log), newSink("b", &log)
			l, c := pinned(t, b, s, tt.have, one)
			s.Release(l, true)
			if g := s.Gauges(); g.Free != 1 || g.Pinned != 0 {
				t.Fatalf("after release: %+v", g)
			}
			m := s.Pin(tt.want, two, tt.fit)
			if (m == l) != tt.reused {
				t.Fatalf("reused: %v", m == l)
			}
			if m != l {
				return
			}
			send(m, two, "GET k")
			if got := words(c.take()); got != tt.sent {
				t.Errorf("sent %q, want %q", got, tt.sent)
			}
			for range len(tt.sent) - len("GET k") {
				if m.InFlight() > 1 {
					c.reply("+OK\r\n")
				}
			}
			c.reply("$-1\r\n")
			want(t, &log, "b:1 $-1|")
		})
	}
}

// TestNotReused: a link that is not clean, not connected, or not quiet is closed.
func TestNotReused(t *testing.T) {
	b := newBench(t)
	var log []string
	s := upstream.NewSet(&b.env, upstream.Key{}, 10)
	owner := newSink("a", &log)
	l, c := pinned(t, b, s, ann, owner)
	s.Release(l, false)
	if !c.closed || s.Gauges().Free != 0 {
		t.Error("a link that is not clean is kept")
	}
	l, c = pinned(t, b, s, ann, owner)
	l.PauseReading()
	s.Release(l, true)
	if !c.closed {
		t.Error("a link that is not read is kept")
	}
	l = s.Pin(ann, owner, upstream.Exact)
	s.Release(l, true)
	if s.Gauges().Free != 0 {
		t.Error("a link that is not connected is kept")
	}
	l, c = pinned(t, b, s, ann, owner)
	s.Release(l, true)
	c.lose()
	if s.Gauges().Free != 0 {
		t.Error("a free link that was lost is still there")
	}
	l, c = pinned(t, b, s, ann, owner)
	s.Release(l, true)
	c.reply("+nobody asked\r\n")
	if s.Gauges().Free != 0 || !c.closed {
		t.Error("a free link on which something came is still there")
	}
}

// TestFixUpRefused: an upstream that refuses what it took before closes the
// connection; what was queued behind goes out whole on the next.
func TestFixUpRefused(t *testing.T) {
	b := newBench(t)
	var log []string
	s := upstream.NewSet(&b.env, upstream.Key{}, 10)
	owner := newSink("a", &log)
	owner.stays = true
	l, c := pinned(t, b, s, ann, owner)
	s.Release(l, true)
	id := ann
	id.DB, id.Proto = 5, 3
	m := s.Pin(id, owner, upstream.Exact)
	send(m, owner, "GET a", "GET bb", "GET ccc")
	if got := words(c.take()); got != "HELLO 3; SELECT 5; GET a; GET bb; GET ccc" {
		t.Fatalf("sent %q", got)
	}
	owner.fate = func(uint8, []byte, bool) (upstream.Verdict, string) { return upstream.Keep, "" }
	c.reply("%0\r\n-BUSY a script runs\r\n$1\r\nx\r\n")
	if !c.closed {
		t.Fatal("the connection is kept")
	}
	want(t, &log, "a:lost")
	m.SetIdentity(id)
	b.pass(time.Second / 2)
	d := b.greet()
	got := words(d.take())
	if got != "GET a; GET bb; GET ccc" && got != "HELLO 3; SELECT 5; GET a; GET bb; GET ccc" && got != "SELECT 5; GET a; GET bb; GET ccc" {
		t.Errorf("sent again %q", got)
	}
}

// TestMaxPinned: there is a bound, free links make room for others.
func TestMaxPinned(t *testing.T) {
	b := newBench(t)
	var log []string
	s := upstream.NewSet(&b.env, upstream.Key{}, 2)
	owner := newSink("a", &log)
	one, c := pinned(t, b, s, ann, owner)
	two, _ := pinned(t, b, s, ann, owner)
	if s.Pin(ann, owner, upstream.Exact) != nil {
		t.Error("more than there may be")
	}
	s.Release(one, true)
	if l := s.Pin(upstream.Identity{}, owner, upstream.Exact); l == nil || !c.closed {
		t.Error("a free link of another user does not make room")
	}
	s.Unpin(two)
	if s.Pin(ann, owner, upstream.Exact) == nil {
		t.Error("an unpinned link still counts")
	}
	s.Close()
}

// nobody is a member that need not be told anything.
type nobody struct{}

func (nobody) Refused(string) {}

// TestTakeOver: a shared link becomes one session's own; others get another, and
// what they have in flight is still theirs, also when that session goes.
func TestTakeOver(t *testing.T) {
	b := newBench(t)
	var log []string
	s := upstream.NewSet(&b.env, upstream.Key{}, 10)
	key := upstream.Key{Identity: ann}
	l := s.Join(key, nobody{})
	a, other := newSink("a", &log), newSink("b", &log)
	send(l, a, "SET a 1")
	send(l, other, "SET b 1")
	c := b.greet()
	c.take()
	if !s.TakeOver(l, a) || s.TakeOver(l, other) {
		t.Fatal("taken over not once")
	}
	if l.Shared() || s.Join(key, nobody{}) == l {
		t.Error("others still get the link")
	}
	send(l, a, "WAIT 1 0")
	if got := words(c.take()); got != "CLIENT ID; WAIT 1 0" { // CLIENT UNBLOCK needs the id
		t.Errorf("sent %q", got)
	}
	s.Unpin(l)
	c.reply("+OK\r\n+OK\r\n")
	want(t, &log, "a:1 +OK|", "b:1 +OK|")
	c.reply(":7\r\n")
	if l.PeerID() != 7 {
		t.Errorf("its id upstream is %d", l.PeerID())
	}
	c.reply(":0\r\n")
	c.h.EOF()
	c.h.(interface{ Drained() }).Drained()
	b.pass(time.Minute)
	if !c.closed {
		t.Error("the connection is kept")
	}
}

// TestUnusedShared: shared links that nobody uses are given up after a while, the
// main one is not.
func TestUnusedShared(t *testing.T) {
	b := newBench(t)
	var log []string
	s := upstream.NewSet(&b.env, upstream.Key{}, 10)
	var conns []*fakeConn
	for _, id := range []upstream.Identity{{}, ann} {
		l := s.Join(upstream.Key{Identity: id}, nobody{})
		send(l, newSink("a", &log), "GET k")
		c := b.greet()
		c.reply("$-1\r\n")
		s.Leave(l, nobody{})
		conns = append(conns, c)
	}
	b.pass(5 * time.Minute)
	if conns[0].closed || !conns[1].closed {
		t.Errorf("closed: main %v, other %v", conns[0].closed, conns[1].closed)
	}
	if g := s.Gauges(); g.Shared != 1 {
		t.Errorf("%+v", g)
	}
}
