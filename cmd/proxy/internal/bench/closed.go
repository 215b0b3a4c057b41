package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// patience is how long a measurement may take beyond its duration before it counts as failed.
const patience = 20 * time.Second

// closed is a load of clients that wait for their replies before they go on. One event loop carries all of them: with more
// goroutines than that the generator would be the bottleneck.
type closed struct {
	clients int
	flow    *flow
}

// generator runs clients on one loop and counts. Its fields belong to the loop's goroutine until it has ended.
type generator struct {
	loop      *loop.Loop
	hist      histogram
	ops       uint64
	measuring bool
	began     time.Time
	lasted    time.Duration
	from, to  usage
	err       error
	stopping  bool
}

// fail ends the measurement. Any later failure is a consequence.
func (g *generator) fail(err error) {
	if g.err == nil && !g.stopping {
		g.err = err
	}
	g.stopping = true
	g.loop.Stop()
}

// window measures for d after warm-up, then stops the loop. read reads the clocks of CPU time.
func (g *generator) window(warm, d time.Duration, read func() usage) {
	g.loop.After(warm, func() {
		g.from, g.began, g.measuring = read(), time.Now(), true
		g.loop.After(d, func() {
			g.lasted, g.measuring, g.stopping = time.Since(g.began), false, true
			g.to = read()
			g.loop.Stop()
		})
	})
}

// done counts an operation that began at start.
func (g *generator) done(start, now time.Time) {
	if g.measuring {
		g.ops++
		g.hist.record(now.Sub(start))
	}
}

// run calls start on a new loop and returns when the loop has stopped, or ctx or patience has ended it.
func (g *generator) run(ctx context.Context, limit time.Duration, start func()) error {
	var err error
	if g.loop, err = loop.New(loop.Options{ReadBuffer: 256 << 10}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("no end of it"))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		g.loop.Post(func() { g.fail(context.Cause(ctx)) })
	})()
	g.loop.Post(start)
	g.loop.Run()
	if g.err == nil && g.loop.Panics() > 0 {
		g.err = errors.New("the generator panicked")
	}
	return g.err
}

// metrics are what was counted.
func (g *generator) metrics() (Metrics, error) {
	if g.ops == 0 {
		return nil, errors.New("nothing was answered in time")
	}
	m := Metrics{Rate: float64(g.ops) / g.lasted.Seconds()}
	g.hist.latencies(m)
	return m, nil
}

// connect opens n connections to addr.
func connect(ctx context.Context, addr string, n int) ([]net.Conn, error) {
	var d net.Dialer
	var all []net.Conn
	for range n {
		nc, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, nc)
	}
	return all, nil
}

func closeAll(conns []net.Conn) {
	for _, nc := range conns {
		nc.Close()
	}
}

// measure runs the load against t for d.
func (c closed) measure(ctx context.Context, l *lab, t *target, d time.Duration) (Metrics, error) {
	conns, err := connect(ctx, t.addr, c.clients)
	if err != nil {
		return nil, err
	}
	var g generator
	err = g.run(ctx, d+patience, func() {
		for i, nc := range conns {
			g.loop.Adopt(nc, func(conn loop.Conn) loop.Handler {
				w := &worker{g: &g, conn: conn, flow: c.flow, rng: rand.New(rand.NewPCG(uint64(i), 1))}
				w.next()
				return w
			})
		}
		g.window(warmUp(d), d, func() usage { return l.usage(t) })
	})
	if err != nil {
		return nil, err
	}
	m, err := g.metrics()
	if err == nil {
		l.account(m, t, g.from, g.to, g.ops)
	}
	return m, err
}

// warmUp is how long a load runs before it is measured.
func warmUp(d time.Duration) time.Duration { return min(d/4, time.Second) }

// worker is one client.
type worker struct {
	g       *generator
	conn    loop.Conn
	flow    *flow
	rng     *rand.Rand
	replies resp.Replies
	length  int // of the current reply so far

	out     []byte // the step as it was sent
	sent    int
	op      *flow // of the current operation
	key     int
	at      int       // step
	waiting int       // replies still to come for this step
	lost    bool      // an optimistic operation has to be done again
	began   time.Time // when the operation's first step was sent
}

// next begins an operation, or a pipeline of them.
func (w *worker) next() {
	w.op, w.key = w.flow.pick(w.rng)
	w.at = 0
	w.began = time.Now()
	w.step()
}

func (w *worker) step() {
	s := &w.op.steps[w.at]
	w.out = s.append(w.out[:0], w.key)
	w.waiting = s.replies
	for range w.op.pipeline - 1 {
		_, k := w.op.pick(w.rng)
		w.out = s.append(w.out, k)
		w.waiting += s.replies
	}
	w.sent = 0
	w.Writable()
}

// Writable sends what is left of the step.
func (w *worker) Writable() {
	for w.sent < len(w.out) {
		n := w.conn.Write(w.out[w.sent:])
		if n == 0 {
			return
		}
		w.sent += n
	}
}

// Data counts replies. The clock is read once: replies that came together are equally late.
func (w *worker) Data(b []byte) {
	now := time.Now()
	for len(b) > 0 {
		n, done, err := w.replies.Next(b)
		if err != nil {
			w.g.fail(err)
			return
		}
		if w.replies.Type() == '-' {
			w.g.fail(fmt.Errorf("error reply: %.100q", b[:n]))
			return
		}
		w.length += n
		b = b[n:]
		if done {
			if w.waiting == 0 {
				w.g.fail(errors.New("a reply too many"))
				return
			}
			w.reply(now, w.length)
			w.length = 0
		}
	}
	// Not before all was read: a reply too many must not pass for the next command's.
	switch {
	case w.waiting > 0:
	case w.length > 0:
		w.g.fail(errors.New("a reply too many"))
	default:
		w.proceed()
	}
}

// reply takes one that is complete.
func (w *worker) reply(now time.Time, length int) {
	w.waiting--
	steps := w.op.steps
	if w.at < len(steps)-1 || w.waiting%steps[w.at].replies != 0 {
		return
	}
	// A null array is the only reply of EXEC that is this short.
	if w.lost = w.op.optimistic && length <= len("*-1\r\n"); !w.lost {
		w.g.done(w.began, now)
	}
}

// proceed sends what comes after a step that is answered.
func (w *worker) proceed() {
	switch last := w.at == len(w.op.steps)-1; {
	case !last:
		w.at++
		w.step()
	case w.lost: // the race: the same operation again
		w.at = 0
		w.step()
	default:
		w.next()
	}
}

// EOF and Closed: nobody ends a connection that is in use.
func (w *worker) EOF() { w.g.fail(errors.New("the target closed the connection")) }

// Closed says so, too.
func (w *worker) Closed(err error) {
	if !errors.Is(err, loop.ErrStopped) {
		w.g.fail(err)
	}
}
