package upstream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// bench is a loop under the test's control: nothing happens of itself.
type bench struct {
	t      *testing.T
	now    int64
	timers []*fakeTimer
	dirty  []loop.Flusher
	dials  []*fakeDial
	conns  []*fakeConn
	loads  []func(error)
	marker bool // there are scripts
	auth   int  // calls of AuthRequired
	env    upstream.Env
	stats  upstream.Stats
}

type fakeTimer struct {
	at   int64
	f    func()
	done bool
}

func (t *fakeTimer) Stop() { t.done = true }

type fakeDial struct {
	at   int64
	open func(loop.Conn, error) loop.Handler
	done bool
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: int64(time.Hour), marker: true}
	b.env = upstream.Env{
		World: b, Scripts: b, Wait: time.Second, DialTimeout: 5 * time.Second, Stats: &b.stats,
		AuthRequired: func() { b.auth++ },
		Repeatable:   repeatable,
	}
	return b
}

func (b *bench) Now() int64           { return b.now }
func (b *bench) Rand() float64        { return 0.999 }
func (b *bench) Defer(f loop.Flusher) { b.dirty = append(b.dirty, f) }
func (b *bench) After(d time.Duration, f func()) upstream.Timer {
	t := &fakeTimer{at: b.now + int64(d), f: f}
	b.timers = append(b.timers, t)
	return t
}
func (b *bench) Dial(open func(loop.Conn, error) loop.Handler) func() {
	d := &fakeDial{at: b.now, open: open}
	b.dials = append(b.dials, d)
	return func() { d.done = true }
}
func (b *bench) AppendMarker(dst []byte) ([]byte, bool) {
	if !b.marker {
		return dst, false
	}
	return append(dst, frames("MARKER")...), true
}
func (b *bench) Load(_ string, done func(error)) { b.loads = append(b.loads, done) }

// flush ends a turn of the loop.
func (b *bench) flush() {
	for len(b.dirty) > 0 {
		d := b.dirty
		b.dirty = nil
		for _, f := range d {
			f.Flush()
		}
	}
}

// pass lets time pass and its timers fire.
func (b *bench) pass(d time.Duration) {
	end := b.now + int64(d)
	for {
		var next *fakeTimer
		for _, t := range b.timers {
			if !t.done && t.at <= end && (next == nil || t.at < next.at) {
				next = t
			}
		}
		if next == nil {
			break
		}
		b.now = max(b.now, next.at)
		next.done = true
		next.f()
		b.flush()
	}
	b.now = end
}

// dialled returns the dials that are under way.
func (b *bench) dialled() []*fakeDial {
	var out []*fakeDial
	for _, d := range b.dials {
		if !d.done {
			out = append(out, d)
		}
	}
	return out
}

// accept completes the one dial under way and returns the connection.
func (b *bench) accept() *fakeConn {
	b.t.Helper()
	d := b.dialled()
	if len(d) != 1 {
		b.t.Fatalf("%d dials are under way, want 1", len(d))
	}
	d[0].done = true
	c := &fakeConn{b: b, room: 1 << 30}
	c.h = d[0].open(c, nil)
	b.conns = append(b.conns, c)
	b.flush()
	return c
}

// greet accepts, answers the greeting, and returns the connection.
func (b *bench) greet() *fakeConn {
	b.t.Helper()
	c := b.accept()
	n := strings.Count(c.take(), "*")
	for range n - 1 {
		c.reply("+OK\r\n")
	}
	c.reply("$1\r\nm\r\n")
	return c
}

// fakeConn takes what is written, up to room bytes.
type fakeConn struct {
	b       *bench
	h       loop.Handler
	written []byte
	all     []byte
	room    int
	closed  bool
	ended   bool // CloseWrite
	paused  bool
}

func (c *fakeConn) Write(b []byte) int {
	if c.closed {
		return len(b)
	}
	n := min(len(b), c.room)
	c.room -= n
	c.written = append(c.written, b[:n]...)
	c.all = append(c.all, b[:n]...)
	return n
}
func (c *fakeConn) Pause()             { c.paused = true }
func (c *fakeConn) Resume()            { c.paused = false }
func (c *fakeConn) CloseWrite()        { c.ended = true }
func (c *fakeConn) Close()             { c.closed = true }
func (c *fakeConn) RemoteAddr() string { return "fake" }
func (c *fakeConn) LocalAddr() string  { return "" }

// take returns what was written since the last time.
func (c *fakeConn) take() string {
	c.b.flush()
	s := string(c.written)
	c.written = nil
	return s
}

// reply brings bytes of the upstream, in a buffer that is overwritten after.
func (c *fakeConn) reply(s string) {
	if c.closed {
		return
	}
	b := []byte(s)
	c.h.Data(b)
	for i := range b {
		b[i] = '!'
	}
	c.b.flush()
}

// lose ends the connection.
func (c *fakeConn) lose() {
	c.closed = true
	c.h.Closed(fmt.Errorf("reset"))
	c.b.flush()
}

// sink records what it is told, separated by spaces, line ends shown as "|".
type sink struct {
	name     string
	log      *[]string
	gone     bool
	onLocal  func()
	onAnswer func()
	fate     func(tag uint8, frame []byte, written bool) (upstream.Verdict, string)
	stays    bool
}

func newSink(name string, log *[]string) *sink { return &sink{name: name, log: log} }

func (s *sink) note(format string, args ...any) {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\r\n", "|")
	*s.log = append(*s.log, s.name+":"+text)
}
func (s *sink) Replies(b []byte, n int) { s.note("%d %s", n, b) }
func (s *sink) Part(b []byte)           { s.note("part %d", len(b)) }
func (s *sink) Long(tag uint8)          { s.note("long %d", tag) }
func (s *sink) Push(b []byte)           { s.note("push %s", b) }
func (s *sink) Cut()                    { s.note("cut") }
func (s *sink) Unblocked()              { s.note("unblocked") }
func (s *sink) Gone() bool              { return s.gone }
func (s *sink) Raw(b []byte)            { s.note("raw %s", b) }
func (s *sink) RawError(b []byte)       { s.note("rawerror %s", b) }
func (s *sink) LinkLost(error) bool     { s.note("lost"); return s.stays }
func (s *sink) LinkGone()               { s.note("linkgone") }
func (s *sink) Refused(line string)     { s.note("refused %s", line) }
func (s *sink) Answer(tag uint8, reply, frame []byte) {
	s.note("answer %d %s of %s", tag, reply, words(string(frame)))
	if s.onAnswer != nil {
		s.onAnswer()
	}
}
func (s *sink) Local(tag uint8, text string) {
	s.note("local %d %s", tag, short(text))
	if s.onLocal != nil {
		s.onLocal()
	}
}
func (s *sink) Fate(tag uint8, frame []byte, written, _ bool) (upstream.Verdict, string) {
	if s.fate != nil {
		return s.fate(tag, frame, written)
	}
	if written {
		return upstream.Tell, upstream.Uncertain
	}
	return upstream.Keep, ""
}

// short names the texts of the package.
func short(text string) string {
	switch text {
	case upstream.Uncertain:
		return "UNCERTAIN"
	case upstream.Unavailable:
		return "UNAVAILABLE"
	}
	return text
}

// frames encodes commands, each a line of words.
func frames(lines ...string) string {
	var b []byte
	for _, l := range lines {
		b = resp.AppendCommandStrings(b, strings.Split(l, " ")...)
	}
	return string(b)
}

// words is the opposite of frames, commands separated by "; ".
func words(b string) string {
	var s resp.Requests
	lim := resp.DefaultLimits()
	var out []string
	for b != "" {
		n, err := s.Next([]byte(b), &lim)
		if err != nil || n == 0 {
			return strings.Join(append(out, fmt.Sprintf("%q", b)), "; ")
		}
		var line []string
		for _, a := range resp.AppendArgs(nil, []byte(b[:n])) {
			line = append(line, string(a))
		}
		out = append(out, strings.Join(line, " "))
		b = b[n:]
	}
	return strings.Join(out, "; ")
}

// want compares the log and empties it.
func want(t *testing.T, log *[]string, lines ...string) {
	t.Helper()
	if got, w := strings.Join(*log, "\n"), strings.Join(lines, "\n"); got != w {
		t.Errorf("got:\n%s\nwant:\n%s", got, w)
	}
	*log = nil
}

func send(l *upstream.Link, s upstream.Sink, lines ...string) {
	l.Send(s, []byte(frames(lines...)), len(lines), upstream.Pass, 0)
}

// repeatable takes what has GET in it for reads.
func repeatable(frame []byte) time.Duration {
	if strings.Contains(string(frame), "GET") {
		return upstream.Always
	}
	return 0
}
