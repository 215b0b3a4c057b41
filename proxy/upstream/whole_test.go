package upstream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// TestWhole: a long reply of kind Whole is held until it is whole, one beyond
// all bounds is passed on in pieces, and what follows goes to its own sink.
func TestWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		size  int
		whole bool
	}{
		"long":     {1 << 20, true},
		"too long": {17 << 20, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, l, c := ready(t)
			var got []string
			a, b := &wholeSink{sink: newSink("a", &got)}, newSink("b", &got)
			l.Send(a, []byte(frames("COMMAND DOCS")), 1, upstream.Whole, 7)
			send(l, b, "GET k")
			reply := fmt.Sprintf("*1\r\n$%d\r\n%s\r\n", tt.size, strings.Repeat("x", tt.size))
			for rest := reply; rest != ""; {
				n := min(len(rest), 100<<10)
				c.reply(rest[:n])
				rest = rest[n:]
			}
			c.reply("+OK\r\n")
			if a.got != reply {
				t.Errorf("%d of %d bytes came", len(a.got), len(reply))
			}
			if (a.answers == 1) != tt.whole || (a.longs == 1) == tt.whole {
				t.Errorf("%d times by Answer, %d times Long", a.answers, a.longs)
			}
			if len(got) != 1 || got[0] != "b:1 +OK|" {
				t.Errorf("the next reply: %q", got)
			}
			if l.InFlight() != 0 || c.closed {
				t.Errorf("in flight %d, closed %v", l.InFlight(), c.closed)
			}
		})
	}
}

// TestWholeLost: until a long reply is whole nothing of it was passed on, so that
// the loss can still be told, or the command sent again.
func TestWholeLost(t *testing.T) {
	_, l, c := ready(t)
	var log []string
	l.Send(newSink("a", &log), []byte(frames("SET a 1")), 1, upstream.Whole, 7)
	c.take()
	c.reply("$100000\r\n" + strings.Repeat("x", 50000))
	c.lose()
	want(t, &log, "a:local 7 UNCERTAIN")
}

// wholeSink counts how its reply came.
type wholeSink struct {
	*sink
	got            string
	answers, longs int
}

func (s *wholeSink) Answer(_ uint8, reply, _ []byte) { s.answers++; s.got += string(reply) }
func (s *wholeSink) Part(b []byte)                   { s.got += string(b) }
func (s *wholeSink) Replies(b []byte, _ int)         { s.got += string(b) }
func (s *wholeSink) Long(uint8)                      { s.longs++ }
