package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

const (
	long           = 1<<20 + 5000
	longConnection = "-LIMIT a command about the connection itself is not taken at this length; nothing was executed|"
)

// inPieces sends bytes in pieces of n with a little time between.
func (c *talk) inPieces(s string, n int) {
	for s != "" {
		k := min(n, len(s))
		c.bytes(s[:k])
		s = s[k:]
		c.r.w.Step()
	}
}

// TestLongCommands: a command too long to be buffered arrives whole, between
// its neighbours, and nothing of it is kept.
func TestLongCommands(t *testing.T) {
	value := strings.Repeat("v", long)
	got := func(n int) string { return fmt.Sprintf("$%d|%s|", n, strings.Repeat("v", n)) }
	for name, tt := range map[string]struct {
		before, command, after []string
		want                   string
	}{
		"SET":             {nil, []string{"SET", "k", value}, []string{"GETRANGE k 0 2"}, "+OK|" + got(3)},
		"between others":  {[]string{"INCR n", "eval x 0"}, []string{"SET", "k", value}, []string{"GETRANGE k 0 2", "INCR n"}, ":1|" + evalText + "+OK|" + got(3) + ":2|"},
		"in MULTI":        {[]string{"MULTI"}, []string{"SET", "k", value}, []string{"EXEC"}, "+OK|+QUEUED|*1|+OK|"},
		"an error":        {nil, []string{"INCR", "k", value}, []string{"INCR n"}, "-ERR wrong number of arguments for 'incr' command|:1|"},
		"refused":         {[]string{"INCR n"}, []string{"EVAL", value, "0"}, []string{"INCR n"}, ":1|" + evalText + ":2|"},
		"refused, MULTI":  {[]string{"MULTI"}, []string{"EVAL", value, "0"}, []string{"EXEC", "PING"}, "+OK|" + evalText + abortText + "+PONG|"},
		"custom":          {nil, []string{"PURGE", "k*", "IFEQ", value}, []string{"PING"}, ":0|+PONG|"},
		"custom too long": {nil, []string{"PURGE", "k*", "IFEQ", strings.Repeat("v", 9<<20)}, []string{"PING"}, "-LIMIT the command is longer than rewrite.max, which bounds commands that have to be rewritten; nothing was executed|+PONG|"},
		"long name":       {nil, []string{strings.Repeat("v", 3<<20)}, []string{"PING"}, "-DENIED a command name of this length is refused|+PONG|"},
		"raw":             {[]string{"MODSTATE"}, []string{"SET", "k", value}, []string{"GETRANGE k 0 2"}, "+OK|+OK|" + got(3)},
		"makes it raw":    {nil, []string{"MODSTATE", value}, []string{"INCR n"}, "+OK|:1|"},
		"its name":        {nil, []string{"CLIENT", "SETNAME", value}, []string{"PING"}, longConnection + "+PONG|"},
		"WATCH":           {nil, []string{"WATCH", value}, []string{"MULTI", "EXEC"}, "+OK|+OK|*0|"},
	} {
		for _, piece := range []int{300_001, 65_536} {
			t.Run(fmt.Sprint(name, " ", piece), func(t *testing.T) {
				r := calmRig()
				c := r.client(t)
				c.inPieces(frames(tt.before...)+frames(strings.Join(tt.command, " "))+frames(tt.after...), piece)
				r.run()
				c.want(tt.want)
				if r.env.Buffered != 0 {
					t.Errorf("%d bytes are buffered", r.env.Buffered)
				}
				r.end(t, c)
			})
		}
	}
}

// TestLongAuth: what changes the connection is not taken at a length at which
// the session could not follow it, and the connection stays what it was.
func TestLongAuth(t *testing.T) {
	pass := strings.Repeat("p", long)
	for _, line := range []string{"AUTH ann " + pass, "HELLO 3 AUTH ann " + pass, "HELLO 3 SETNAME " + pass,
		"CLIENT SETINFO LIB-NAME " + pass, "CLIENT SETNAME " + pass} {
		r := calmRig()
		r.srv.Users["ann"] = pass
		c := r.client(t)
		c.inPieces(frames("INCR n", line, "GET none", "CLIENT GETNAME"), 100_000)
		c.want(":1|" + longConnection + "$-1|$-1|")
		r.end(t, c)
	}
}

// TestLongCommandLost: when its connection is lost, the rest of a long command
// is swallowed, and nothing that was in it is taken for a command.
func TestLongCommandLost(t *testing.T) {
	evil := strings.Repeat(frames("SET evil 1"), long/30)
	frame := frames("SET k " + evil)
	for _, at := range []int{len(frame) / 2, len(frame) - 3, len(frame)} {
		for _, prepare := range []string{"PING", "WATCH w", "MULTI"} {
			for _, away := range []int64{0, 3e9} {
				t.Run(fmt.Sprint(at, prepare, away), func(t *testing.T) {
					r := calmRig()
					c := r.client(t)
					c.send(prepare)
					r.run()
					c.got()
					if away == 0 {
						c.inPieces(frame[:at], 100_000)
						r.srv.Die(false)
					} else {
						r.srv.Die(false)
						r.run()
						c.inPieces(frame[:at], 100_000)
					}
					r.run()
					r.w.RunFor(2 * 1e9 / 2)
					c.send() // nothing: only time passes
					r.w.RunFor(1e6)
					r.srv.Restart()
					c.inPieces(frame[at:]+frames("ECHO after"), 100_000)
					r.w.RunFor(2e9)
					if got := c.got(); !strings.HasSuffix(got, "$5|after|") && !strings.HasSuffix(got, "+QUEUED|") {
						t.Errorf("got %.300q; session %s", got, c.s.Dump())
					}
					if _, ok := r.srv.Get(0, "evil"); ok {
						t.Error("a part of the argument ran as a command")
					}
					r.end(t, c)
				})
			}
		}
	}
}

// TestLongCommandBroken: a long command whose frame turns out to be none ends
// the connection, and the upstream never sees a whole one.
func TestLongCommandBroken(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.do("+PONG|", "PING")
	c.inPieces("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000\r\n"+strings.Repeat("v", 2_000_000)+"xy", 300_000)
	c.want("-ERR Protocol error: malformed command|")
	c.wantClosed(session.ProtocolError)
	if _, ok := r.srv.Get(0, "k"); ok {
		t.Error("it ran")
	}
	r.end(t, c)
}

// TestLongReplies: a reply is held until it is whole up to 32 KiB; of a longer
// one, once a part was passed on, the loss can only close the client.
func TestLongReplies(t *testing.T) {
	for _, tt := range []struct {
		size  int
		shown bool
	}{{3000, false}, {30_000, false}, {200_000, true}} {
		for _, command := range []string{"GETRANGE big:x 0 %d", "MULTI|GETRANGE big:x 0 %d|EXEC", "WATCH w|MULTI|GETRANGE big:x 0 %d|EXEC"} {
			t.Run(fmt.Sprint(tt.size, command), func(t *testing.T) {
				r := calmRig()
				r.w.Pieces = 100
				c := r.client(t)
				c.do("+PONG|", "PING")
				lines := strings.Split(fmt.Sprintf(command, tt.size), "|")
				c.send(append(lines, "INCR n")...)
				r.cutInReply(c, tt.size, tt.shown)
				if tt.shown && c.closed {
					if c.reason != session.UpstreamLost {
						t.Errorf("closed: %s", c.reason)
					}
					r.srv.Restart()
					r.end(t, c)
					return
				}
				r.srv.Restart()
				r.w.RunFor(2e9)
				if c.closed {
					t.Errorf("closed although nothing was passed on: %s, got %.100q", c.reason, c.got())
				}
				r.end(t, c)
			})
		}
	}
}

// cutInReply waits until a part of a long reply has come to the client, or, where
// it is to be held back, to the proxy, and ends the server.
func (r *rig) cutInReply(c *talk, size int, shown bool) {
	for range 10_000 {
		r.w.RunFor(time.Microsecond)
		half := false
		for _, conn := range r.w.Conns() {
			half = half || conn.Unread() > 0 && conn.Unread() < size-1000
		}
		if half && !shown || len(c.out) > 40_000 {
			break
		}
	}
	r.srv.Die(false)
	r.run()
}
