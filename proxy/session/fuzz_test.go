package session_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/internal/sim"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// direct is the model: a client that talks to the server itself, but for what
// the proxy is there for.
type direct struct {
	srv    *sim.Server
	p      *sim.Peer
	w      *sim.World
	out    []byte
	req    resp.Requests
	buf    []byte
	closed bool
	cut    bool // and what was not read yet is lost, as other protocols deserve
}

// anyError and anything stand in a model's output for replies that may differ.
const (
	anyError = "-ANY error\r\n"
	anything = "+ANY\r\n"
)

func newDirect() *direct {
	r := calmRig()
	r.srv.OneID = true
	d := &direct{srv: r.srv, w: r.w}
	d.p = d.srv.Direct(func(b []byte) { d.out = append(d.out, b...) })
	return d
}

// data takes bytes of the client and serves the whole commands in them.
func (d *direct) data(b []byte) {
	d.buf = append(d.buf, b...)
	lim := resp.DefaultLimits()
	for len(d.buf) > 0 && !d.closed {
		n, err := d.req.Next(d.buf, &lim)
		if err != nil {
			d.refuse("-ERR " + err.Error() + "\r\n")
			d.closed = true
			return
		}
		if n == 0 {
			return
		}
		frame := d.buf[:n:n]
		d.buf = d.buf[n:]
		switch d.req.Kind() {
		case resp.Empty:
			continue
		case resp.Inline:
			out, argc, err := resp.AppendInline(nil, frame)
			if err != nil {
				d.refuse("-ERR " + err.Error() + "\r\n")
				d.closed = true
				return
			}
			if argc == 0 {
				continue
			}
			frame = out
		default:
			frame = resp.AppendCanonical(nil, frame)
		}
		d.command(frame, resp.AppendArgs(nil, frame))
	}
}

// refuse answers behind what still blocks.
func (d *direct) refuse(text string) {
	for range 1000 {
		if !d.p.Blocked() {
			break
		}
		d.w.RunFor(time.Second)
	}
	d.p.Refuse(text)
}

const nulText = "-DENIED a command name that holds a NUL byte is refused: servers read it as another name\r\n"

func (d *direct) command(frame []byte, args [][]byte) {
	limited := len(d.p.Subs) > 0 && d.p.Proto == 2
	c := commands.Lookup(args[0])
	if c != nil && len(args) > 1 {
		if c.Subs != nil && bytes.IndexByte(args[1], 0) >= 0 {
			d.refuse(nulText)
			return
		}
		c = c.Sub(args[1])
	}
	custom := catalogue().registry.Lookup(args[0])
	if up := catalogue().up; custom != nil && (custom.Native(&up) || custom.Extends() && !custom.Takes(args, &up)) {
		custom = nil // the upstream's own
	}
	switch {
	case bytes.IndexByte(args[0], 0) >= 0:
		d.refuse(nulText)
	case c != nil && c.Handling == commands.Close:
		d.closed, d.cut = true, true
	case c != nil && (c.Handling == commands.Refuse || c.Handling == commands.Script):
		d.refuse(c.Refusal())
	case custom != nil:
		d.custom(custom, frame, args, limited)
	case c != nil && c.Op == commands.OpWait && !d.p.Multi:
		d.refuse(anything) // depends on where the client has written
	default:
		d.p.Data(frame)
		d.closed = d.p.Closed()
	}
}

func (d *direct) custom(c *commands.Custom, frame []byte, args [][]byte, limited bool) {
	reg, up := catalogue().registry, catalogue().up
	out, call, err := c.Rewrite(nil, args, &up)
	switch {
	case call.Pass: // none of ours, as most calls of SET
		d.p.Data(frame)
	case limited:
		d.refuse(anyError)
	case err == nil:
		d.p.Data(out)
	case d.p.Multi && !err.Aborts():
		d.p.Data(reg.AppendFail(nil, err.Code, &up))
	default:
		d.refuse("-" + err.Text + "\r\n")
	}
}

var (
	ids       = regexp.MustCompile(`:1099511627\d{3}\r\n`) // a session's
	typeNames = regexp.MustCompile(`unknown type name[^\r]*`)
)

// same compares what the client got with the model's, frame by frame.
func same(got, want []byte) bool {
	next := func(b *[]byte) []byte {
		var s resp.Replies
		n, done, err := s.Next(*b)
		if err != nil || !done {
			n = len(*b)
		}
		f := (*b)[:n]
		*b = (*b)[n:]
		f = typeNames.ReplaceAll(f, []byte("unknown type name"))
		return ids.ReplaceAll(f, []byte(":1\r\n"))
	}
	for len(got) > 0 && len(want) > 0 {
		g, w := next(&got), next(&want)
		switch {
		case string(w) == anything, string(w) == anyError && g[0] == '-', bytes.Equal(g, w):
		default:
			return false
		}
	}
	return len(got) == len(want)
}

// FuzzSession: whatever bytes a client sends, in whatever pieces, it gets what
// the server itself would have said, but for what the proxy refuses.
func FuzzSession(f *testing.F) {
	for _, m := range mixture() {
		f.Add([]byte(m.bytes), []byte{1, 2, 3})
		f.Add([]byte(m.bytes+frames("ECHO next")), []byte{})
	}
	for _, s := range []string{
		"*1\r\n$9223372036854775807\r\n", "*1000000000\r\n", "*9223372036854775807\r\n", "$\r\n", "*18446744073709551617\r\n",
		"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "*-10\r\n", "*1\r\n$-10\r\n", "*\r\n", "*1\r\n$\r\n", "*1\r\n\r\n", "\x00", "*1\x00\r\n",
		"GET \x00\r\n", "ECHO \"\\x00\"\r\n", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "eval x 0\r\n", "EVAL\x00 x 0\r\n", "script load x\r\n",
		"PING\nPING\r\nPING\n", "*2\r\n$4\r\nECHO\r\n$3\r\na\r\nPING\r\n",
		frames("MULTI", "eval x 0", "PURGE k*", "PURGE", "PURGE k* TYPE a", "EXEC", "EXEC"),
		frames("WATCH a", "MULTI", "SET a 1", "SELECT 2", "HELLO 3", "EXEC", "GET a"),
		frames("HELLO 3", "SUBSCRIBE a", "PUBLISH a +RESET", "PURGE k*", "GET k", "RESET", "GET k", "QUIT", "PING"),
		frames("SUBSCRIBE a", "eval x 0", "PURGE k*", "GET k", "PING x", "UNSUBSCRIBE a", "GET k", "UNSUBSCRIBE"),
		frames("CLIENT REPLY OFF", "eval x 0", "PURGE k*", "SET a 1", "CLIENT REPLY ON", "GET a", "CLIENT REPLY SKIP", "GET a", "GET a"),
		frames("CLIENT REPLY OFF") + "*1\r\n!",
		frames("MODSTATE", "MULTI", "PURGE k* NOSUCH", "EXEC", "PURGE k* NOSUCH"),
		frames("SET k1 v", "INCR n", "WAIT 0 0", "SELECT 1", "SET a 1", "WAIT 0 0", "MULTI", "WAIT 0 0", "EXEC"),
		frames("SET a 1", "WATCH a", "MULTI", "WAIT 0 0", "EXEC"),
		frames("MULTI", "BLPOP l 0", "CLIENT SETNAME x", "CLIENT ID", "EXEC", "CLIENT GETNAME", "RESET", "CLIENT GETNAME"),
		frames("CLIENT SETNAME a", "CLIENT GETNAME", "WATCH a", "CLIENT GETNAME", "CLIENT SETNAME b", "UNWATCH", "CLIENT GETNAME", "HELLO 3 SETNAME c", "CLIENT GETNAME"),
		frames("MULTI", "MULTI", "WATCH a", "EXEC", "MULTI", "SET a", "EXEC", "MULTI", "DISCARD x", "DISCARD", "EXEC x", "MULTI x"),
		frames("BLPOP l 0.01", "LPUSH l a", "BLPOP l 0", "AUTH x", "AUTH a b", "AUTH a b c", "HELLO 9", "HELLO 3 AUTH a", "HELLO x"),
		strings.ToLower(frames("MULTI", "QUIT", "EXEC")),
	} {
		f.Add([]byte(s), []byte{3, 1})
		f.Add([]byte(s+frames("ECHO next")), []byte{7, 30, 1, 1, 1})
	}
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		if len(data) > 4096 || bytes.Contains(data, []byte("10995116")) {
			return // an id that may be a session's
		}
		if announcesLong(data) {
			return // refused before its end comes, or streamed: TestLongCommands
		}
		d := newDirect()
		r := calmRig()
		r.srv.OneID = true
		c := r.client(t)
		left := data
		for i := 0; len(left) > 0; i++ {
			n := len(left)
			if i < len(cuts) {
				n = min(n, 1+int(cuts[i]))
			}
			c.bytes(string(left[:n]))
			if i < len(cuts) && cuts[i]%2 == 1 {
				r.w.RunFor(20 * time.Microsecond)
			}
			left = left[n:]
		}
		d.data(data)
		r.w.RunFor(time.Minute)
		d.w.RunFor(time.Minute)
		if d.cut && len(c.out) < len(d.out) {
			d.out = d.out[:len(c.out)]
		}
		if !same(c.out, d.out) || c.closed != (d.closed || d.p.Closed()) {
			t.Fatalf("input %q\ncuts %v\ngot    %q\nwant   %q\nclosed %v, want %v\nsession %s",
				data, cuts, c.out, d.out, c.closed, d.closed || d.p.Closed(), c.s.Dump())
		}
		r.end(t, c)
	})
}

// announcesLong reports whether data ends in a command that is to be longer than
// what is buffered.
func announcesLong(data []byte) bool {
	var scan resp.Requests
	limits := resp.DefaultLimits()
	for len(data) > 0 {
		n, err := scan.Next(data, &limits)
		if err != nil || n == 0 {
			return err == nil && scan.Need() > 1<<20
		}
		data = data[n:]
	}
	return false
}
