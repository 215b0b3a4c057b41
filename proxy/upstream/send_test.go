package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// TestOneWrite: what a turn of the loop queues goes out in one write, and goes on
// where the transport stopped.
func TestOneWrite(t *testing.T) {
	b, l, c := ready(t)
	var log []string
	a, other := newSink("a", &log), newSink("b", &log)
	send(l, a, "SET a 1")
	send(l, other, "SET b 1")
	if len(c.written) != 0 {
		t.Error("written before the end of the turn")
	}
	c.room = 10
	b.flush()
	if len(c.written) != 10 {
		t.Fatalf("%d bytes written", len(c.written))
	}
	send(l, a, "SET c 1")
	c.room = 1 << 20
	c.h.Writable()
	b.flush()
	if got := words(c.take()); got != "SET a 1; SET b 1; SET c 1" {
		t.Errorf("sent %q", got)
	}
}

// TestFull: senders beyond the high water are told, once, when there is room.
func TestFull(t *testing.T) {
	_, l, c := ready(t)
	var log []string
	a, other := newSink("a", &log), newSink("b", &log)
	n := 0
	for ; !l.Full(a); n++ {
		send(l, a, "SET a "+strings.Repeat("v", 1<<19))
		if n > 100 {
			t.Fatal("never full")
		}
	}
	if !l.Full(a) || !l.Full(other) {
		t.Fatal("not full for the next")
	}
	c.take()
	for range n {
		c.reply("+OK\r\n")
	}
	var unblocked []string
	for _, line := range log {
		if strings.HasSuffix(line, "unblocked") {
			unblocked = append(unblocked, line)
		}
	}
	want(t, &unblocked, "a:unblocked", "b:unblocked")
	if l.Full(a) {
		t.Error("still full")
	}
}

// TestStream: a command of any length passes through, its bytes are not kept,
// and what is queued behind it is what is sent again when it is lost.
func TestStream(t *testing.T) {
	const size = 6 << 20
	frame := frames("SET k " + strings.Repeat("v", size))
	for _, room := range []int{0, 1000, len(frame) / 2, len(frame) - 1, len(frame), len(frame) + 10} {
		for _, behind := range []bool{false, true} {
			b := newBench(t)
			var log []string
			s := newSink("a", &log)
			s.stays = true
			s.fate = func(tag uint8, frame []byte, written bool) (upstream.Verdict, string) {
				if written && tag == 1 {
					return upstream.Tell, "streamed whole"
				}
				if tag == 1 {
					return upstream.Tell, "streamed in part"
				}
				if written && !strings.Contains(string(frame), "GET") {
					return upstream.Tell, upstream.Uncertain
				}
				return upstream.Keep, ""
			}
			l := upstream.NewLink(&b.env, upstream.Identity{}, s)
			l.Connect()
			c := b.greet()
			c.take()
			c.room = room
			l.BeginStream(s, upstream.Pass, 1)
			for i := 0; i < len(frame); i += 300_000 {
				l.Stream([]byte(frame[i:min(len(frame), i+300_000)]))
			}
			if behind {
				send(l, s, "GET a", "SET b 1", "GET c")
			}
			sent := c.take()
			if sent != (frame + frames("GET a"))[:min(room, len(sent))] {
				t.Fatalf("room %d: the bytes are not the command's", room)
			}
			c.lose()
			first := "a:local 1 streamed in part"
			if room >= len(frame) {
				first = "a:local 1 streamed whole"
			}
			want(t, &log, "a:lost", first)
			b.pass(time.Second / 2)
			if !behind {
				continue
			}
			if got := words(b.greet().take()); got != "GET a; SET b 1; GET c" {
				t.Errorf("room %d: sent again %.200q", room, got)
			}
		}
	}
}

// TestStreamExpires: so it does when nobody is there to take it.
func TestStreamExpires(t *testing.T) {
	b := newBench(t)
	var log []string
	s := newSink("a", &log)
	s.stays = true
	l := upstream.NewLink(&b.env, upstream.Identity{}, s)
	l.BeginStream(s, upstream.Pass, 1)
	l.Stream([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n01234"))
	b.pass(b.env.Wait + 1)
	if got := strings.Join(log, " "); !strings.Contains(got, "a:local 1 UNAVAILABLE") {
		t.Errorf("got %s", got)
	}
	send(l, s, "GET k")
	b.pass(b.env.Wait / 2)
	if got := words(b.greet().take()); got != "GET k" {
		t.Errorf("sent %q", got)
	}
}

// TestFinish: the sending side ends once everything is written, and the replies
// still come.
func TestFinish(t *testing.T) {
	b := newBench(t)
	var log []string
	s := newSink("a", &log)
	l := upstream.NewLink(&b.env, upstream.Identity{}, s)
	l.Connect()
	c := b.greet()
	c.take()
	c.room = 5
	send(l, s, "SET a 1")
	l.Finish()
	b.flush()
	if c.ended {
		t.Error("ended before everything was written")
	}
	c.room = 1 << 20
	c.h.Writable()
	b.flush()
	if !c.ended || words(c.take()) != "SET a 1" {
		t.Error("not ended")
	}
	c.reply("+OK\r\n")
	c.h.EOF()
	c.h.(interface{ Drained() }).Drained()
	want(t, &log, "a:1 +OK|", "a:lost", "a:linkgone")
}

// TestPauseReading reaches the connection, and no further than its end.
func TestPauseReading(t *testing.T) {
	b := newBench(t)
	var log []string
	s := newSink("a", &log)
	s.stays = true
	l := upstream.NewLink(&b.env, upstream.Identity{}, s)
	l.PauseReading() // nothing to pause yet
	l.ResumeReading()
	l.Connect()
	c := b.greet()
	l.PauseReading()
	if !c.paused {
		t.Error("not paused")
	}
	l.ResumeReading()
	if c.paused {
		t.Error("not resumed")
	}
	l.PauseReading()
	c.lose()
	b.pass(time.Second / 2)
	if b.greet().paused {
		t.Error("the next connection is paused")
	}
}

// TestClose: nobody hears of a link that was closed.
func TestClose(t *testing.T) {
	b, l, c := ready(t)
	var log []string
	send(l, newSink("a", &log), "SET a 1")
	c.take()
	l.Close()
	l.Close()
	if !c.closed {
		t.Error("its connection is open")
	}
	b.pass(time.Minute)
	want(t, &log)
	if len(b.dialled()) > 0 || l.InFlight() != 0 {
		t.Error("it goes on")
	}
}
