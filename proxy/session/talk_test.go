package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// talk is a client of one test: what it sends arrives at once, and what it gets
// is kept until want looks at it.
type talk struct {
	t      *testing.T
	r      *rig
	s      session.Session
	out    []byte
	paused bool
	closed bool
	reason session.Reason
}

// calmRig is a rig whose network does nothing of its own accord.
func calmRig() *rig {
	r := newRig(1)
	r.w.Calm()
	return r
}

// run lets a while pass, long enough for everything that does not wait for
// something.
func (r *rig) run() { r.w.RunFor(5 * time.Millisecond) }

// lose breaks every connection to the upstream.
func (r *rig) lose() {
	r.srv.Die(false)
	r.srv.Restart()
	r.run()
}

func (r *rig) client(t *testing.T) *talk {
	c := &talk{t: t, r: r}
	c.s.Init(r.env, c)
	return c
}

func (c *talk) Send(b []byte) {
	if !c.closed {
		c.out = append(c.out, b...)
	}
}
func (c *talk) SendString(s string) { c.Send([]byte(s)) }
func (c *talk) Pause()              { c.paused = true }
func (c *talk) Resume()             { c.paused = false }
func (c *talk) Finish(r session.Reason) {
	c.Abort(r)
}
func (c *talk) Abort(r session.Reason) {
	if !c.closed {
		c.closed, c.reason = true, r
		c.s.Closed()
	}
}

// leave is the client's own end.
func (c *talk) leave() { c.Abort(session.ClientReset) }

// frames encodes commands, each a line of words.
func frames(lines ...string) string {
	var b []byte
	for _, l := range lines {
		b = resp.AppendCommandStrings(b, strings.Split(l, " ")...)
	}
	return string(b)
}

// bytes sends bytes as they are.
func (c *talk) bytes(s string) *talk {
	c.t.Helper()
	b := []byte(s)
	c.s.Data(b)
	for i := range b {
		b[i] = '?'
	}
	return c
}

// send sends commands in one piece, without waiting for anything.
func (c *talk) send(lines ...string) *talk {
	c.t.Helper()
	return c.bytes(frames(lines...))
}

// got is what came since the last time, line ends shown as "|".
func (c *talk) got() string {
	s := strings.ReplaceAll(string(c.out), "\r\n", "|")
	c.out = nil
	return s
}

// want lets a while pass and compares what came, line ends written as "|".
func (c *talk) want(want string) {
	c.t.Helper()
	c.r.run()
	if got := c.got(); got != want {
		c.t.Errorf("got  %.600q\nwant %.600q\nsession: %s", got, want, c.s.Dump())
	}
}

// do sends commands and compares the replies.
func (c *talk) do(want string, lines ...string) {
	c.t.Helper()
	c.send(lines...)
	c.want(want)
}

// wantClosed checks that the connection has ended, and why.
func (c *talk) wantClosed(reason session.Reason) {
	c.t.Helper()
	c.r.run()
	if !c.closed || c.reason != reason {
		c.t.Errorf("closed %v, reason %q; want %q; session: %s", c.closed, c.reason, reason, c.s.Dump())
	}
}

// end closes every client and checks that nothing is left.
func (r *rig) end(t *testing.T, clients ...*talk) {
	t.Helper()
	for _, c := range clients {
		c.leave()
	}
	r.settleDown(unexpected(t))
}

const (
	uncertainText   = "-UNCERTAIN upstream connection lost before the reply; the command may or may not have run|"
	unavailableText = "-UNAVAILABLE upstream is not reachable; the command was not sent|"
	tryAgainText    = "-TRYAGAIN script cache was emptied; nothing was executed|"
	abortText       = "-EXECABORT Transaction discarded because of previous errors.|"
	evalText        = "-DENIED scripts sent by clients are not run through this proxy: use a command of the catalogue, or let the operator set raw_lua|"
)
