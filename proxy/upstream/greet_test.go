package upstream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// TestGreeting: a connection begins with what brings it to the identity and the
// marker, and nothing else is sent before the replies.
func TestGreeting(t *testing.T) {
	for _, tt := range []struct {
		id   upstream.Identity
		want string
	}{
		{upstream.Identity{}, "MARKER"},
		{upstream.Identity{Proto: 2}, "MARKER"},
		{upstream.Identity{Auth: true, Password: "p"}, "AUTH p; MARKER"},
		{upstream.Identity{Auth: true, User: "u", Password: "p"}, "AUTH u p; MARKER"},
		{upstream.Identity{Auth: true, User: "u", Password: "p", DB: 3, Proto: 3, Name: "n", LibName: "l", LibVersion: "v"},
			"AUTH u p; HELLO 3; SELECT 3; CLIENT SETNAME n; CLIENT SETINFO LIB-NAME l; CLIENT SETINFO LIB-VER v; MARKER"},
	} {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		l := upstream.NewLink(&b.env, tt.id, nil)
		send(l, s, "GET k")
		c := b.accept()
		if got := words(c.take()); got != tt.want {
			t.Errorf("greeting %q, want %q", got, tt.want)
		}
		n := strings.Count(tt.want, ";")
		// The replies in pieces of one byte, with a push in between.
		all := ">2\r\n+x\r\n+y\r\n" + strings.Repeat("+OK\r\n", n) + "$1\r\nm\r\n"
		for i := range all {
			if got := c.take(); got != "" {
				t.Errorf("sent before the greeting was over: %q", got)
			}
			c.reply(all[i : i+1])
		}
		if got := words(c.take()); got != "GET k" {
			t.Errorf("sent after it: %q", got)
		}
		c.reply("$-1\r\n")
		want(t, &log, "a:1 $-1|")
	}
}

// TestMarker: a missing catalogue is loaded, and asked for again, but not for
// ever; other answers let the connection be used.
func TestMarker(t *testing.T) {
	start := func(t *testing.T) (*bench, *upstream.Link, *fakeConn) {
		b := newBench(t)
		l := upstream.NewLink(&b.env, upstream.Identity{}, nil)
		l.Connect()
		c := b.accept()
		c.take()
		return b, l, c
	}
	t.Run("loaded", func(t *testing.T) {
		b, l, c := start(t)
		c.reply("-NOSCRIPT none\r\n")
		if len(b.loads) != 1 || c.take() != "" || l.Connected() {
			t.Fatal("not waiting for the catalogue")
		}
		b.loads[0](nil)
		if got := words(c.take()); got != "MARKER" {
			t.Errorf("sent %q", got)
		}
		c.reply("$1\r\nm\r\n")
		if !l.Connected() {
			t.Error("not ready")
		}
	})
	t.Run("never there", func(t *testing.T) {
		b, l, c := start(t)
		for i := 0; i < 100 && !l.Connected(); i++ {
			c.reply("-NOSCRIPT none\r\n")
			if i < len(b.loads) {
				b.loads[i](nil)
			}
		}
		if !l.Connected() || len(b.loads) > 10 {
			t.Errorf("ready %v after %d loads", l.Connected(), len(b.loads))
		}
	})
	t.Run("not to be loaded", func(t *testing.T) {
		b, l, c := start(t)
		c.reply("-NOSCRIPT none\r\n")
		b.loads[0](fmt.Errorf("no rights"))
		if !l.Connected() {
			t.Error("not ready")
		}
	})
	t.Run("lost meanwhile", func(t *testing.T) {
		b, l, c := start(t)
		c.reply("-NOSCRIPT none\r\n")
		c.lose()
		b.pass(time.Second)
		d := b.accept()
		d.take()
		b.loads[0](nil) // for the connection before
		if got := d.take(); got != "" || l.Connected() {
			t.Errorf("the new connection got %q", got)
		}
	})
	for _, line := range []string{"-LOADING wait", "-BUSY wait", "-NOPERM no", "$1\r\nm", "-MASTERDOWN x"} {
		t.Run(line, func(t *testing.T) {
			_, l, c := start(t)
			c.reply(line + "\r\n")
			if !l.Connected() {
				t.Error("not ready")
			}
		})
	}
	t.Run("no scripts", func(t *testing.T) {
		b := newBench(t)
		b.marker = false
		l := upstream.NewLink(&b.env, upstream.Identity{}, nil)
		l.Connect()
		c := b.accept()
		if got := words(c.take()); got != "PING" {
			t.Errorf("greeting %q", got)
		}
		c.reply("+PONG\r\n")
		if !l.Connected() {
			t.Error("not ready")
		}
	})
}

// TestGreetingFails: what waits is kept through attempts that fail, the pauses
// between them grow, and time sets an end.
func TestGreetingFails(t *testing.T) {
	for name, fail := range map[string]func(b *bench, c *fakeConn){
		"closed":       func(_ *bench, c *fakeConn) { c.lose() },
		"drained":      func(_ *bench, c *fakeConn) { c.h.EOF(); c.h.(interface{ Drained() }).Drained() },
		"max clients":  func(_ *bench, c *fakeConn) { c.reply("-ERR max number of clients reached\r\n") },
		"no RESP":      func(_ *bench, c *fakeConn) { c.reply("HTTP/1.1 400\r\n") },
		"no answer":    func(b *bench, _ *fakeConn) { b.pass(b.env.DialTimeout) },
		"half answer":  func(b *bench, c *fakeConn) { c.reply("+O"); b.pass(b.env.DialTimeout) },
		"busy, SELECT": func(_ *bench, c *fakeConn) { c.reply("-BUSY a script runs\r\n") },
		"loading":      func(_ *bench, c *fakeConn) { c.reply("-LOADING wait\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.env.Wait = time.Minute
			var log []string
			l := upstream.NewLink(&b.env, upstream.Identity{DB: 1}, nil)
			send(l, newSink("a", &log), "GET k")
			last := time.Duration(0)
			for range 10 {
				c := b.accept()
				c.take()
				fail(b, c)
				if !c.closed {
					t.Fatal("the connection is kept")
				}
				pause := time.Duration(0)
				for len(b.dialled()) == 0 && pause < time.Minute {
					b.pass(time.Millisecond)
					pause += time.Millisecond
				}
				if pause > 1100*time.Millisecond || pause < last && last < time.Second {
					t.Fatalf("a pause of %v after one of %v", pause, last)
				}
				last = pause
			}
			if last < 500*time.Millisecond {
				t.Errorf("the pauses grow to %v only", last)
			}
			want(t, &log)
			c := b.greet()
			if got := words(c.take()); got != "GET k" {
				t.Errorf("sent %q", got)
			}
			if l.InFlight() != 1 {
				t.Errorf("%d in flight", l.InFlight())
			}
		})
	}
}

// TestRefused: an upstream that does not accept the identity ends a pinned link,
// and on a shared one answers those who wait; later ones are tried again.
func TestRefused(t *testing.T) {
	id := upstream.Identity{Auth: true, User: "u", Password: "old"}
	const line = "-WRONGPASS invalid username-password pair or user is disabled."
	t.Run("pinned", func(t *testing.T) {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		l := upstream.NewLink(&b.env, id, s)
		send(l, s, "GET k")
		c := b.accept()
		c.reply(line + "\r\n")
		want(t, &log, "a:local 0 "+line+"|", "a:refused "+line)
		b.pass(time.Minute)
		if len(b.dialled()) > 0 || !c.closed {
			t.Error("it tries again")
		}
	})
	t.Run("shared", func(t *testing.T) {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		l := upstream.NewLink(&b.env, id, nil)
		again := true
		s.onLocal = func() { // sends more as soon as it is answered
			if again {
				again = false
				send(l, s, "GET j")
			}
		}
		send(l, s, "SET k v", "GET k")
		c := b.accept()
		c.reply(line + "\r\n")
		want(t, &log, "a:local 0 "+line+"|", "a:local 0 "+line+"|")
		b.pass(500 * time.Millisecond)
		if got := words(b.greet().take()); got != "GET j" {
			t.Errorf("sent %q", got)
		}
	})
	t.Run("without a password", func(t *testing.T) {
		b := newBench(t)
		var log []string
		l := upstream.NewLink(&b.env, upstream.Identity{}, nil)
		send(l, newSink("a", &log), "GET k")
		c := b.accept()
		c.reply("-NOAUTH Authentication required.\r\n")
		want(t, &log, "a:local 0 -NOAUTH Authentication required.|")
		if b.auth != 1 || !c.closed {
			t.Errorf("told %d times, closed %v", b.auth, c.closed)
		}
	})
	t.Run("pinned, without a password", func(t *testing.T) {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		l := upstream.NewLink(&b.env, upstream.Identity{}, s)
		send(l, s, "AUTH p")
		c := b.accept()
		c.take()
		for !l.Connected() && !c.closed {
			c.reply("-NOAUTH Authentication required.\r\n")
		}
		if got := words(c.take()); got != "AUTH p" || b.auth != 1 {
			t.Errorf("sent %q, told %d times", got, b.auth)
		}
	})
}
