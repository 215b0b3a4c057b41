package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// ready returns a shared link that is connected.
func ready(t *testing.T) (*bench, *upstream.Link, *fakeConn) {
	b := newBench(t)
	l := upstream.NewLink(&b.env, upstream.Identity{}, nil)
	l.Connect()
	c := b.greet()
	c.take()
	return b, l, c
}

// TestReplies: each reply goes to whoever asked, however they were sent and cut.
func TestReplies(t *testing.T) {
	const stream = "+1\r\n$1\r\n2\r\n:3\r\n*2\r\n+4\r\n*-1\r\n-ERR 5\r\n>1\r\n+push\r\n%1\r\n+6\r\n_\r\n"
	joined := []string{"a:2 +1|$1|2|", "b:1 :3|", "a:1 *2|+4|*-1|", "b:answer 7 -ERR 5| of INSPECT k", "a:local 3 mine", "b:1 %1|+6|_|"}
	for cut := range len(stream) + 1 {
		b, l, c := ready(t)
		var log []string
		one, two := newSink("a", &log), newSink("b", &log)
		send(l, one, "A", "B")
		send(l, two, "C")
		send(l, one, "D")
		l.Send(two, []byte(frames("INSPECT k")), 1, upstream.Inspect, 7)
		l.Local(one, 3, "mine")
		send(l, two, "F")
		if got := words(c.take()); got != "A; B; C; D; INSPECT k; F" {
			t.Fatalf("sent %q", got)
		}
		c.reply(stream[:cut])
		c.reply(stream[cut:])
		got, all := "", strings.Join(joined, "\n")
		for _, line := range log {
			got += line + "\n"
		}
		// A cut may hand the two replies of the first run over one by one.
		got = strings.Replace(strings.TrimSpace(got), "a:1 +1|\na:1 $1|2|", "a:2 +1|$1|2|", 1)
		if got != all {
			t.Fatalf("cut at %d: got:\n%s\nwant:\n%s", cut, got, all)
		}
		if l.InFlight() != 0 || c.closed {
			t.Fatalf("cut at %d: in flight %d, closed %v", cut, l.InFlight(), c.closed)
		}
		_ = b
	}
}

// TestDoubt: whatever the upstream says that cannot be a reply closes the
// connection, and nobody gets it.
func TestDoubt(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		reply string
		want  []string
	}{
		"nobody asked":            {nil, "+OK\r\n", nil},
		"one too many":            {[]string{"SET a 1"}, "+OK\r\n+OK\r\n", []string{"a:1 +OK|"}},
		"no type":                 {[]string{"SET a 1"}, "hello\r\n", []string{"a:local 0 UNCERTAIN"}},
		"a good one, then not":    {[]string{"SET a 1", "SET b 1"}, "+OK\r\n$x\r\n", []string{"a:1 +OK|", "a:local 0 UNCERTAIN"}},
		"a length below zero":     {[]string{"SET a 1"}, "$-2\r\n", []string{"a:local 0 UNCERTAIN"}},
		"a length beyond measure": {[]string{"SET a 1"}, "$9223372036854775807\r\n", []string{"a:local 0 UNCERTAIN"}},
		"a bare line feed":        {[]string{"SET a 1"}, "+OK\n+OK\r\n", []string{"a:local 0 UNCERTAIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, l, c := ready(t)
			var log []string
			if len(tt.lines) > 0 {
				send(l, newSink("a", &log), tt.lines...)
				c.take()
			}
			c.reply(tt.reply)
			want(t, &log, tt.want...)
			if !c.closed {
				t.Error("the connection is kept")
			}
		})
	}
}

// TestEarlyReply: a reply that comes while its command is still to be written is
// none. Were it taken, every later reply would be somebody else's.
func TestEarlyReply(t *testing.T) {
	for _, wrote := range []int{0, 5, len(frames("SET a 1")), len(frames("SET a 1")) + 3} {
		b, l, c := ready(t)
		var log []string
		a, other := newSink("a", &log), newSink("b", &log)
		c.room = wrote
		if wrote > 0 {
			send(l, a, "SET a 1")
			send(l, other, "GET x")
			c.take()
		} else { // in the same turn, before the flush
			send(l, a, "SET a 1")
			send(l, other, "GET x")
		}
		c.h.Data([]byte("+stray\r\n"))
		if wrote >= len(frames("SET a 1")) {
			want(t, &log, "a:1 +stray|") // it can be: the command is out
			c.h.Data([]byte("+stray\r\n"))
		}
		for _, line := range log {
			if strings.Contains(line, "stray") {
				t.Errorf("%d bytes written: %s", wrote, line)
			}
		}
		if !c.closed {
			t.Errorf("%d bytes written: the connection is kept", wrote)
		}
		b.flush()
	}
}

// TestLongReply: up to a bound a reply is held until it is whole; a longer one
// passes in pieces, and its loss can only be told by closing.
func TestLongReply(t *testing.T) {
	long := "$100000\r\n" + strings.Repeat("x", 100_000) + "\r\n"
	t.Run("whole", func(t *testing.T) {
		_, l, c := ready(t)
		var log []string
		a, other := newSink("a", &log), newSink("b", &log)
		send(l, a, "GET k")
		l.Send(other, []byte(frames("I k")), 1, upstream.Inspect, 9)
		c.take()
		for _, reply := range []string{long, long} {
			for i := 0; i < len(reply); i += 10_000 {
				c.reply(reply[i:min(len(reply), i+10_000)])
			}
		}
		got := strings.Join(log, "\n")
		if strings.Count(got, "a:part") == 0 || strings.Count(got, "b:long 9") != 1 || strings.Contains(got, "answer") {
			t.Errorf("got %.300s", got)
		}
		if strings.Index(got, "b:long") > strings.Index(got, "b:part") {
			t.Errorf("told that it is long after a part of it: %.300s", got)
		}
	})
	t.Run("an error is never cut", func(t *testing.T) {
		_, l, c := ready(t)
		var log []string
		l.Send(newSink("a", &log), []byte(frames("I k")), 1, upstream.Inspect, 9)
		c.take()
		c.reply("-ERR " + strings.Repeat("x", 50_000))
		c.reply(strings.Repeat("x", 10) + "\r\n")
		if len(log) != 1 || !strings.HasPrefix(log[0], "a:answer 9 -ERR xxx") {
			t.Errorf("got %.200s", log)
		}
	})
	for _, tt := range []struct {
		came int
		want []string
	}{
		{20_000, []string{"b:1 $-1|"}},
		{60_000, []string{"a:part 60000", "a:cut", "b:1 $-1|"}},
	} {
		b, l, c := ready(t)
		var log []string
		a, other := newSink("a", &log), newSink("b", &log)
		send(l, a, "GET k")
		send(l, other, "GET j")
		c.take()
		c.reply(long[:tt.came])
		if tt.came > 32<<10 {
			a.gone = true // as a session is that was told Cut
		}
		c.lose()
		b.pass(time.Second / 2)
		d := b.greet()
		if got := words(d.take()); tt.came > 32<<10 && got != "GET j" || tt.came < 32<<10 && got != "GET k; GET j" {
			t.Errorf("%d came, sent again: %q", tt.came, got)
		}
		if tt.came < 32<<10 {
			d.reply("+x\r\n")
			want(t, &log, "a:1 +x|")
		}
		d.reply("$-1\r\n")
		want(t, &log, tt.want...)
	}
}

// TestRaw: in raw mode frames go to the owner as they come, errors apart.
func TestRaw(t *testing.T) {
	const stream = "+OK\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n-ERR a\r\n-ERR b\r\n:1\r\n"
	wantAll := "raw +OK|*3|$7|message|$1|c|$1|x|;rawerror -ERR a|;rawerror -ERR b|;raw :1|"
	for cut := range len(stream) {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		l := upstream.NewLink(&b.env, upstream.Identity{}, s)
		l.SetRaw()
		l.SendRaw([]byte(frames("SUBSCRIBE c")))
		c := b.greet()
		if got := words(c.take()); got != "SUBSCRIBE c" {
			t.Fatalf("sent %q", got)
		}
		c.reply(stream[:cut])
		c.reply(stream[cut:])
		got := strings.ReplaceAll(strings.ReplaceAll(strings.Join(log, ";"), ";a:raw ", ""), "a:", "")
		for _, e := range []string{"rawerror -ERR a|", "rawerror -ERR b|"} {
			got = strings.Replace(got, e, ";"+e, 1)
		}
		got = strings.ReplaceAll(strings.Replace(got, ":1|", ";raw :1|", 1), ";;", ";")
		if strings.ReplaceAll(got, ";raw ;raw", ";raw") != wantAll {
			t.Fatalf("cut at %d: got %s\nwant %s", cut, got, wantAll)
		}
	}
	t.Run("never connected", func(t *testing.T) {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		l := upstream.NewLink(&b.env, upstream.Identity{}, s)
		l.SetRaw()
		l.SendRaw([]byte(frames("SUBSCRIBE c")))
		b.pass(b.env.Wait + 1)
		want(t, &log, "a:lost", "a:linkgone")
	})
	t.Run("a long frame, cut", func(t *testing.T) {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		l := upstream.NewLink(&b.env, upstream.Identity{}, s)
		l.SetRaw()
		l.SendRaw([]byte(frames("MONITOR")))
		c := b.greet()
		c.reply("$100000\r\n" + strings.Repeat("x", 50_000))
		c.lose()
		if got := strings.Join(log, " "); !strings.Contains(got, "a:cut") {
			t.Errorf("got %.100s", got)
		}
	})
}
