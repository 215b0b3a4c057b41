package session_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// mixed is one command of a pipeline and its reply.
type mixed struct{ bytes, want string }

// mixture has every way in which a command can be answered.
func mixture() []mixed {
	line := func(want string, lines ...string) mixed { return mixed{frames(lines...), want} }
	return []mixed{
		line("$5|hello|", "ECHO hello"),
		line("+PONG|", "ping"),
		line("-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' |", "NOSUCH a b"),
		line("-ERR wrong number of arguments for 'get' command|", "GET"),
		line(evalText, "eVaL x 0"),
		line("-DENIED replication does not pass through this proxy: connect the replica to the server itself|", "SYNC"),
		line("-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.|", "CLIENT maint_notifications ON"),
		line("-ERR syntax error|", "PURGE none* NOSUCH"),
		line("-ERR wrong number of arguments for 'purge' command|", "purge"),
		line(":0|", "PURGE none*"),
		line(":0|", "Purge none* DryRun"),
		line("+OK|+QUEUED|*1|$1|x|", "MULTI", "ECHO x", "EXEC"),
		line("+OK|+QUEUED|+OK|", "MULTI", "ECHO x", "DISCARD"),
		line("+OK|"+evalText+abortText, "MULTI", "EVAL x 0", "EXEC"),
		line("+OK|+QUEUED|*1|-ERR syntax error|", "MULTI", "PURGE a* NOSUCH", "EXEC"),
		line("+OK|-ERR wrong number of arguments for 'purge' command|"+abortText, "MULTI", "PURGE", "EXEC"),
		line("+OK|+QUEUED|*1|:0|", "MULTI", "PURGE none*", "EXEC"),
		line("-ERR EXEC without MULTI|", "EXEC"),
		line("-ERR DISCARD without MULTI|", "DISCARD"),
		line("+OK|+OK|", "WATCH w", "UNWATCH"),
		line("-ERR DB index is out of range|", "SELECT 99"),
		line("-NOPROTO unsupported protocol version|", "HELLO 4"),
		line("*-1|", "BLPOP none 0.001"),
		line("-ERR Client names cannot contain spaces, newlines or special characters.|", "CLIENT SETNAME"+" a\nb"),
		{"*3\r\n$3\r\nSET\r\n$1\r\nz\r\n$1\r\n1xx", "+OK|"},
		{"ECHO \"a\\x20b\"\r\n", "$3|a b|"},
		{"*0\r\n", ""},
		{"*-1\r\n", ""},
		{"\r\n", ""},
		{"*1\r\n$5\r\nGET\x00x\r\n", "-DENIED a command name that holds a NUL byte is refused: servers read it as another name|"},
	}
}

// TestMixedPipelineOrder sends everything there is in one pipeline, in many
// orders and cuts: the replies come in the order of the commands.
func TestMixedPipelineOrder(t *testing.T) {
	all := mixture()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := calmRig()
		c := r.client(t)
		var in, want strings.Builder
		for range 40 {
			m := all[rnd.IntN(len(all))]
			in.WriteString(m.bytes)
			want.WriteString(m.want)
		}
		left := in.String()
		for left != "" {
			n := 1 + rnd.IntN(len(left))
			if rnd.IntN(2) == 0 {
				n = min(n, 1+rnd.IntN(30))
			}
			c.bytes(left[:n])
			left = left[n:]
			if rnd.IntN(3) == 0 {
				r.run()
			}
		}
		for range 40 { // the commands that block take a while each
			r.run()
		}
		c.want(want.String())
		r.end(t, c)
		if t.Failed() {
			t.Fatalf("seed %d: pipeline %.3000q", seed, in.String())
		}
	}
}

// TestOneByte sends each command byte by byte.
func TestOneByte(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	for _, m := range mixture() {
		for i := range m.bytes {
			c.bytes(m.bytes[i : i+1])
		}
		for range 3 {
			r.run()
		}
		if got := c.got(); got != m.want {
			t.Errorf("%q: got %q, want %q", m.bytes, got, m.want)
		}
	}
	r.end(t, c)
}

// TestProtocolErrors: the good commands before are answered, then the error,
// then the connection closes, wherever the network has cut.
func TestProtocolErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"*1\r\n!4\r\nPING\r\n", "expected '$', got '!'"},
		{"*1\r\nfoo\r\n", "expected '$', got 'f'"},
		{"*x\r\n", "invalid multibulk length"},
		{"*2147483648\r\n", "invalid multibulk length"},
		{"*9223372036854775808\r\n", "invalid multibulk length"},
		{"*1\r\n$-1\r\n", "invalid bulk length"},
		{"*1\r\n$x\r\n", "invalid bulk length"},
		{"*1\r\n$9223372036854775807\r\n", "invalid bulk length"},
		{"*1\r\n$536870913\r\n", "invalid bulk length"},
		{"ECHO \"a\r\n", "unbalanced quotes in request"},
		{"ECHO 'a'b\r\n", "unbalanced quotes in request"},
		{"*" + strings.Repeat("1", 70_000), "too big mbulk count string"},
		{"*1\r\n$" + strings.Repeat("1", 70_000), "too big bulk count string"},
		{strings.Repeat("a", 70_000), "too big inline request"},
	} {
		good := frames("ECHO a", "eval x 0", "NOSUCH", "INCR n")
		in := good + tt.in + frames("ECHO never")
		want := "$1|a|" + evalText + "-ERR unknown command 'NOSUCH', with args beginning with: |:1|-ERR Protocol error: " + tt.want + "|"
		cuts := []int{0, 1, len(good) - 1, len(good), len(good) + 1, len(good) + 3}
		for _, cut := range append(cuts, len(in)-len(frames("ECHO never"))) {
			r := calmRig()
			c := r.client(t)
			c.bytes(in[:cut])
			r.run()
			c.bytes(in[cut:])
			c.want(want)
			if !c.closed || c.r.env.Buffered != 0 {
				t.Errorf("%.40q cut at %d: closed %v, buffered %d", tt.in, cut, c.closed, c.r.env.Buffered)
			}
			if v, _ := r.srv.Get(0, "n"); v != "1" {
				t.Errorf("%.40q: n is %q", tt.in, v)
			}
			r.end(t, c)
		}
	}
}

// TestOtherProtocols: the first words of HTTP close the connection at once.
func TestOtherProtocols(t *testing.T) {
	for _, in := range []string{"POST / HTTP/1.1\r\n", "hOsT: x\r\n", frames("post x"), frames("Host: x")} {
		r := calmRig()
		c := r.client(t)
		c.bytes(in + frames("INCR n"))
		c.wantClosed(session.CrossProtocol)
		if _, ok := r.srv.Get(0, "n"); ok {
			t.Errorf("%q: what followed has run", in)
		}
		r.end(t, c)
	}
}

// TestEndOfInput: what came before the end is answered, then the connection
// closes; the beginning of a command is forgotten.
func TestEndOfInput(t *testing.T) {
	for _, tail := range []string{"", "*1\r\n$4\r\nPI", "PIN"} {
		r := calmRig()
		c := r.client(t)
		c.bytes(frames("ECHO a", "INCR n") + tail)
		c.s.EOF()
		c.want("$1|a|:1|")
		c.wantClosed(session.ClientEOF)
		r.end(t, c)
	}
	t.Run("pinned", func(t *testing.T) {
		r := calmRig()
		c := r.client(t)
		c.do("+OK|+OK|", "WATCH w", "MULTI")
		c.send("INCR n", "EXEC")
		c.s.EOF()
		c.want("+QUEUED|*1|:1|")
		c.wantClosed(session.ClientEOF)
		r.end(t, c)
	})
	t.Run("blocked", func(t *testing.T) {
		r := calmRig()
		c := r.client(t)
		c.send("BLPOP l 0")
		r.run()
		c.s.EOF()
		r.run()
		other := r.client(t)
		other.do(":1|", "LPUSH l x")
		other.do(":1|", "LLEN l") // nobody popped it
		if !c.closed {
			t.Errorf("not closed: %s", c.s.Dump())
		}
		r.end(t, c, other)
	})
	t.Run("upstream away", func(t *testing.T) {
		r := calmRig()
		c := r.client(t)
		c.do("+OK|", "WATCH w")
		r.srv.Die(false)
		r.run()
		c.s.EOF()
		r.w.RunFor(2 * r.up.Wait)
		if !c.closed {
			t.Errorf("not closed: %s", c.s.Dump())
		}
		r.end(t, c)
	})
}

// TestBlockedClientLeaves: no element is popped for a client that has gone.
func TestBlockedClientLeaves(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.send("BLPOP l 0")
	r.run()
	c.leave()
	r.run()
	other := r.client(t)
	other.do(":1|:1|", "LPUSH l x", "LLEN l")
	r.end(t, other)
}

// TestGoneUnsent: what was not sent when its client went never is.
func TestGoneUnsent(t *testing.T) {
	r := calmRig()
	r.srv.Die(false)
	a, b := r.client(t), r.client(t)
	for i := range 5 {
		a.send(fmt.Sprintf("INCR a%d", i))
		b.send(fmt.Sprintf("INCR b%d", i))
	}
	r.run()
	a.leave()
	r.srv.Restart()
	b.r.w.RunFor(r.up.Wait / 2)
	b.want(":1|:1|:1|:1|:1|")
	for i := range 5 {
		if _, ok := r.srv.Get(0, fmt.Sprintf("a%d", i)); ok {
			t.Errorf("a%d was sent for a client that had gone", i)
		}
	}
	if n := a.s.InFlight(); n != 0 {
		t.Errorf("%d commands of the client that has gone are still counted", n)
	}
	r.end(t, b)
}
