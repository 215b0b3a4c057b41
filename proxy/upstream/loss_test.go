package upstream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// TestLossAtEveryByte cuts a pipeline of two clients at every byte: what was
// written whole and cannot be repeated is uncertain, all else is sent again,
// whole, once, and in order.
func TestLossAtEveryByte(t *testing.T) {
	lines := []string{"SET a 1", "SET b 2", "GET c", "SET d 4", "GET e"}
	whole := frames(lines...)
	for cut := range len(whole) + 1 {
		b, l, c := ready(t)
		var log []string
		one, two := newSink("a", &log), newSink("b", &log)
		c.room = cut
		send(l, one, lines[0], lines[1])
		send(l, two, lines[2])
		send(l, one, lines[3], lines[4])
		c.take()
		c.lose()
		again := ""
		answers := map[string]int{}
		end := 0
		lastWrite := -1 // the last one that was written and cannot be repeated
		ends := make([]int, len(lines))
		for i, line := range lines {
			end += len(frames(line))
			ends[i] = end
			if end <= cut && strings.HasPrefix(line, "SET") {
				lastWrite = i
			}
		}
		for i, line := range lines {
			name := "a"
			if i == 2 {
				name = "b"
			}
			switch {
			case ends[i] <= cut && strings.HasPrefix(line, "SET"):
				answers[name+":local 0 UNCERTAIN"]++
			case ends[i] <= cut && name == "a" && i < lastWrite: // a read before a write of its own
				answers[name+":local 0 UNCERTAIN"]++
			default:
				again += frames(line)
			}
		}
		b.pass(time.Second / 2)
		d := b.greet()
		if got := d.take(); got != again {
			t.Fatalf("cut at %d: sent again %q, want %q", cut, words(got), words(again))
		}
		n := strings.Count(again, "*")
		for i := range n {
			d.reply(fmt.Sprintf("+%d\r\n", i))
		}
		if l.InFlight() != 0 || d.closed {
			t.Fatalf("cut at %d: in flight %d, closed %v: %s", cut, l.InFlight(), d.closed, log)
		}
		for line, k := range answers {
			if got := strings.Count(strings.Join(log, "\n"), line); got != k {
				t.Fatalf("cut at %d: %d times %q, want %d: %s", cut, got, line, k, log)
			}
		}
		total := 0
		for _, line := range log {
			var k int
			if _, err := fmt.Sscanf(line[2:], "%d ", &k); err == nil && !strings.Contains(line, "local") {
				total += k
			} else {
				total++
			}
		}
		if total != len(lines) {
			t.Fatalf("cut at %d: %d answers to %d commands: %s", cut, total, len(lines), log)
		}
	}
}

// TestReadOvertaken: a read is not sent again if a write of the same client
// behind it may have run: it would see the future.
func TestReadOvertaken(t *testing.T) {
	b, l, c := ready(t)
	var log []string
	a, other := newSink("a", &log), newSink("b", &log)
	send(l, a, "GET k", "SET k 1")
	send(l, other, "GET k")
	c.take()
	c.lose()
	b.pass(time.Second / 2)
	if got := words(b.greet().take()); got != "GET k" { // the other's
		t.Errorf("sent again: %q", got)
	}
	want(t, &log, "a:local 0 UNCERTAIN", "a:local 0 UNCERTAIN")
}

// TestWaitEnds: what waits longer than Env.Wait is answered: not sent, or in
// doubt if an earlier connection had it. The wait is counted from the first
// loss, however often the upstream comes back and goes.
func TestWaitEnds(t *testing.T) {
	b, l, c := ready(t)
	var log []string
	s := newSink("a", &log)
	send(l, s, "GET k")
	c.take()
	c.lose()
	b.pass(400 * time.Millisecond)
	send(l, s, "SET later 1")
	for b.now < int64(time.Hour)+int64(900*time.Millisecond) {
		d := b.greet()
		d.take()
		d.lose()
		b.pass(100 * time.Millisecond)
	}
	for range 10 {
		for _, d := range b.dialled() {
			d.done = true
			d.open(nil, fmt.Errorf("refused"))
		}
		b.pass(100 * time.Millisecond)
	}
	got := strings.Join(log, " ")
	if !strings.HasPrefix(got, "a:local 0 UNCERTAIN") || l.InFlight() != 0 {
		t.Errorf("got %s, in flight %d", got, l.InFlight())
	}
	log = nil
	send(l, s, "SET k 1", "SET j 1")
	l.Local(s, 4, "mine")
	b.pass(b.env.Wait / 2)
	send(l, s, "SET i 1")
	b.pass(b.env.Wait/2 + 1)
	want(t, &log, "a:local 0 UNAVAILABLE", "a:local 0 UNAVAILABLE", "a:local 4 mine")
	b.pass(b.env.Wait / 2)
	want(t, &log, "a:local 0 UNAVAILABLE")
}

// TestOneConnection: a sink that sends while it is told of a loss, a refusal or
// an expiry does not make the link connect twice.
func TestOneConnection(t *testing.T) {
	b, l, c := ready(t)
	var log []string
	s := newSink("a", &log)
	s.onLocal = func() { send(l, s, "SET again 1") }
	send(l, s, "SET k 1")
	c.take()
	c.lose()
	for range 20 {
		b.pass(50 * time.Millisecond)
		if n := len(b.dialled()); n > 1 {
			t.Fatalf("%d dials at the same time", n)
		}
		if len(b.dialled()) == 1 {
			d := b.accept()
			d.take()
			d.lose()
		}
	}
}

// TestGone: what a sink that has gone had in flight is read and dropped; what was
// not sent never is; each of its commands is told.
func TestGone(t *testing.T) {
	b, l, c := ready(t)
	var log []string
	a, other := newSink("a", &log), newSink("b", &log)
	send(l, a, "SET a 1", "SET b 1", "SET c 1")
	send(l, other, "GET k")
	c.take()
	a.gone = true
	c.reply("+OK\r\n+OK\r\n+OK\r\n$-1\r\n")
	want(t, &log, "a:3 +OK|+OK|+OK|", "b:1 $-1|")

	a.gone = false
	c.lose()
	send(l, a, "SET a 1", "SET b 1", "SET c 1")
	send(l, other, "GET k")
	a.gone = true
	b.pass(time.Second / 2)
	if got := words(b.greet().take()); got != "GET k" {
		t.Errorf("sent %q", got)
	}
	want(t, &log, "a:local 0 UNAVAILABLE", "a:local 0 UNAVAILABLE", "a:local 0 UNAVAILABLE")
}

// TestTransaction: a whole MULTI … EXEC in one piece runs whole or not at all.
func TestTransaction(t *testing.T) {
	lines := []string{"MULTI", "SET a 1", "SET b 1", "EXEC"}
	whole := frames(lines...)
	for _, tt := range []struct {
		written int
		replies string
		want    []string
		again   bool
	}{
		{0, "", nil, true},
		{len(whole) - 1, "", nil, true},
		{len(whole) - 1, "+OK\r\n", []string{"a:1 +OK|", "a:local 0 +QUEUED|", "a:local 0 +QUEUED|", "a:local 0 -EXECABORT Transaction discarded because of: upstream connection lost|"}, false},
		{len(whole), "", []string{"a:local 0 +OK|", "a:local 0 +QUEUED|", "a:local 0 +QUEUED|", "a:local 0 UNCERTAIN"}, false},
		{len(whole), "+OK\r\n+QUEUED\r\n+QUEUED\r\n", []string{"a:3 +OK|+QUEUED|+QUEUED|", "a:local 0 UNCERTAIN"}, false},
	} {
		b, l, c := ready(t)
		var log []string
		c.room = tt.written
		l.Send(newSink("a", &log), []byte(whole), len(lines), upstream.Tx, 0)
		c.take()
		if tt.replies != "" {
			c.reply(tt.replies)
		}
		c.lose()
		want(t, &log, tt.want...)
		b.pass(time.Second / 2)
		if tt.again != (words(b.greet().take()) == words(whole)) {
			t.Errorf("%d bytes written, %q: sent again is not %v", tt.written, tt.replies, tt.again)
		}
	}
	// An EXEC whose error leaves it open whether a transaction goes on: others
	// must not be queued in it.
	_, l, c := ready(t)
	var log []string
	l.Send(newSink("a", &log), []byte(whole), len(lines), upstream.Tx, 0)
	c.take()
	c.reply("+OK\r\n+QUEUED\r\n+QUEUED\r\n-NOPERM no\r\n")
	if !c.closed {
		t.Error("the connection is kept, perhaps in MULTI")
	}
}

// TestOwnersFate: the owner of a pinned link decides, in order, on what was not
// answered, and is told of the loss before its answers are given out.
func TestOwnersFate(t *testing.T) {
	for _, stays := range []bool{true, false} {
		b := newBench(t)
		var log []string
		s := newSink("a", &log)
		s.stays = stays
		l := upstream.NewLink(&b.env, upstream.Identity{}, s)
		l.Connect()
		c := b.greet()
		c.take()
		c.room = len(frames("W 1", "W 2"))
		var asked []string
		s.fate = func(tag uint8, frame []byte, written bool) (upstream.Verdict, string) {
			asked = append(asked, fmt.Sprintf("%d %s %v", tag, words(string(frame)), written))
			if written {
				return upstream.Tell, fmt.Sprintf("text %d", tag)
			}
			return upstream.Keep, ""
		}
		for i := range 3 {
			l.Send(s, []byte(frames(fmt.Sprintf("W %d", i+1))), 1, upstream.Inspect, uint8(i))
		}
		c.take()
		c.lose()
		if got := strings.Join(asked, "; "); got != "0 W 1 true; 1 W 2 true; 2 W 3 false" {
			t.Errorf("asked: %s", got)
		}
		if stays {
			want(t, &log, "a:lost", "a:local 0 text 0", "a:local 1 text 1")
			b.pass(time.Second / 2)
			if got := words(b.greet().take()); got != "W 3" {
				t.Errorf("sent again %q", got)
			}
			continue
		}
		want(t, &log, "a:lost", "a:local 0 text 0", "a:local 1 text 1", "a:local 2 UNAVAILABLE", "a:linkgone")
		b.pass(time.Minute)
		if len(b.dialled()) > 0 {
			t.Error("it connects again")
		}
	}
}
