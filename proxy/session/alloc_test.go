package session_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/session"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// road is the way of a command without a network: a session, a link, and an
// upstream that answers at once.
type road struct {
	now     int64
	dirty   []loop.Flusher
	h       loop.Handler
	written int
	replied int
	sess    session.Session
	stats   upstream.Stats
}

type noTimer struct{}

func (noTimer) Stop() {}

func (r *road) Now() int64                                 { r.now++; return r.now }
func (r *road) Rand() float64                              { return 0 }
func (r *road) Defer(f loop.Flusher)                       { r.dirty = append(r.dirty, f) }
func (r *road) After(time.Duration, func()) upstream.Timer { return noTimer{} }
func (r *road) Dial(open func(loop.Conn, error) loop.Handler) func() {
	r.h = open(r, nil)
	return func() {}
}
func (r *road) AppendMarker(dst []byte) ([]byte, bool) { return dst, false }
func (r *road) Load(_ string, done func(error))        { done(nil) }

// Write makes road a loop.Conn.
func (r *road) Write(b []byte) int { r.written += len(b); return len(b) }
func (r *road) CloseWrite()        {}
func (r *road) Close()             {}
func (r *road) RemoteAddr() string { return "" }
func (r *road) LocalAddr() string  { return "" }
func (r *road) Pause()             {}
func (r *road) Resume()            {}

// Send makes road a session.Client.
func (r *road) Send(b []byte)         { r.replied += len(b) }
func (r *road) SendString(s string)   { r.replied += len(s) }
func (r *road) Finish(session.Reason) {}
func (r *road) Abort(session.Reason)  {}

func newRoad() *road {
	cat := catalogue()
	r := &road{}
	env := &session.Env{
		Table: cat.table, Registry: cat.registry, Scripts: r, Gate: session.NewGate(1), Post: func(f func()) { f() },
		RewriteMax: 1 << 20, InputMax: 1 << 20, Multiplex: true, Directory: &session.Directory{},
	}
	up := &upstream.Env{
		World: r, Scripts: r, Wait: time.Second, DialTimeout: time.Second, Stats: &r.stats,
		Repeatable:   func(frame []byte) time.Duration { return env.Table.Repeatable(frame) },
		AuthRequired: func() {},
	}
	env.Links = upstream.NewSet(up, upstream.Key{}, 8)
	r.sess.Init(env, r)
	r.sess.Data([]byte(frames("PING")))
	r.h.Data([]byte("+PONG\r\n")) // to the greeting
	r.turn([]byte("+PONG\r\n"))
	return r
}

// turn ends the turn of the loop, and brings the replies in the next.
func (r *road) turn(replies []byte) {
	for i := 0; i < len(r.dirty); i++ {
		r.dirty[i].Flush()
	}
	r.dirty = r.dirty[:0]
	r.h.Data(replies)
}

// forward returns a function that forwards n GETs and their replies.
func forward(n int) (r *road, once func()) {
	r = newRoad()
	in := bytes.Repeat(resp.AppendCommandStrings(nil, "GET", "some:key:of:usual:length"), n)
	out := bytes.Repeat([]byte("$12\r\nhello, world\r\n"), n)
	return r, func() {
		r.sess.Data(in)
		r.turn(out)
	}
}

// TestForwardAllocates: in steady state the way of an ordinary command and its
// reply costs no allocation.
func TestForwardAllocates(t *testing.T) {
	for _, n := range []int{1, 16, 200} {
		r, once := forward(n)
		for range 100 {
			once()
		}
		before := r.replied
		if got := testing.AllocsPerRun(500, once); got != 0 {
			t.Errorf("%d commands: %v allocations", n, got)
		}
		if got, want := r.replied-before, 501*n*len("$12\r\nhello, world\r\n"); got != want {
			t.Errorf("%d commands: %d bytes came back, want %d", n, got, want)
		}
	}
}

// TestTransactionAllocates: so it is for a transaction that lies whole in the
// input.
func TestTransactionAllocates(t *testing.T) {
	r := newRoad()
	in, out := []byte(frames("MULTI", "INCR a", "EXEC")), []byte("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	once := func() {
		r.sess.Data(in)
		r.turn(out)
	}
	once()
	if got := testing.AllocsPerRun(500, once); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestPurgeAllocates: nor does the rewriting of a custom command allocate much.
func TestPurgeAllocates(t *testing.T) {
	r := newRoad()
	in, out := []byte(frames("PURGE some:key*")), []byte(":0\r\n")
	once := func() {
		r.sess.Data(in)
		r.turn(out)
	}
	for range 10 {
		once()
	}
	if got := testing.AllocsPerRun(500, once); got > 6 {
		t.Errorf("%v allocations", got)
	}
}

func benchmarkForward(b *testing.B, n int) {
	r, once := forward(n)
	once()
	b.ReportAllocs()
	b.SetBytes(int64(n))
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/command")
	_ = r
}

// BenchmarkForwardP1 and BenchmarkForwardP16 are the proxy's own work for a
// command and its reply, without system calls, unpipelined and pipelined.
func BenchmarkForwardP1(b *testing.B)  { benchmarkForward(b, 1) }
func BenchmarkForwardP16(b *testing.B) { benchmarkForward(b, 16) }

// BenchmarkLookup finds a command's verb by its name.
func BenchmarkLookup(b *testing.B) {
	table := catalogue().table
	for _, name := range []string{"GET", "zrangebyscore", "NoSuchCommand"} {
		b.Run(name, func(b *testing.B) {
			n := []byte(name)
			b.ReportAllocs()
			for b.Loop() {
				table.Lookup(n)
			}
		})
	}
}
