package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// maxBehind is how many replies a client of an open loop may be owed. More means that the target can't keep the pace, and no
// percentile would mean anything.
const maxBehind = 10_000

// paced is an open loop: commands are sent at a rate, spread over the clients, whether or not the earlier ones were answered.
// So a target that stalls is seen by all that were to come meanwhile. A reply's time counts from when its command was written.
type paced struct {
	clients  int
	rate     int // commands a second
	template template
}

// pacedRun is one measurement's state, on the loop's goroutine.
type pacedRun struct {
	paced
	g       *generator
	workers []*pacedWorker
	rng     *rand.Rand
	began   time.Time
	sent    int
}

// pacedWorker is one client.
type pacedWorker struct {
	g       *generator
	conn    loop.Conn
	replies resp.Replies
	out     []byte      // what the socket has not taken
	owed    []time.Time // when each command that awaits its reply was written, the oldest first
}

func (p paced) measure(ctx context.Context, l *lab, t *target, d time.Duration) (Metrics, error) {
	conns, err := connect(ctx, t.addr, p.clients)
	if err != nil {
		return nil, err
	}
	var g generator
	r := &pacedRun{paced: p, g: &g, rng: rand.New(rand.NewPCG(1, 2))}
	err = g.run(ctx, d+patience, func() {
		for _, nc := range conns {
			g.loop.Adopt(nc, func(conn loop.Conn) loop.Handler {
				w := &pacedWorker{g: &g, conn: conn}
				r.workers = append(r.workers, w)
				return w
			})
		}
		r.began = time.Now()
		r.tick()
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

// tick sends what is due, and comes again in a millisecond. Clients take turns, so what is due at once goes out on different ones.
func (r *pacedRun) tick() {
	due := int(time.Since(r.began).Seconds() * float64(r.rate))
	for ; r.sent < due; r.sent++ {
		w := r.workers[r.sent%len(r.workers)]
		if len(w.owed) >= maxBehind {
			r.g.fail(fmt.Errorf("it does not keep up with %d commands a second", r.rate))
			return
		}
		w.out = r.template.append(w.out, r.rng.IntN(keyCount))
		w.owed = append(w.owed, time.Now())
		w.Writable()
	}
	r.g.loop.After(time.Millisecond, r.tick)
}

// Writable sends what is left.
func (w *pacedWorker) Writable() {
	n := w.conn.Write(w.out)
	w.out = w.out[:copy(w.out, w.out[n:])]
}

// Data counts replies.
func (w *pacedWorker) Data(b []byte) {
	now := time.Now()
	for len(b) > 0 {
		n, done, err := w.replies.Next(b)
		switch {
		case err != nil:
		case w.replies.Type() == '-':
			err = fmt.Errorf("error reply: %.100q", b[:n])
		case done && len(w.owed) == 0:
			err = errors.New("a reply too many")
		}
		if err != nil {
			w.g.fail(err)
			return
		}
		b = b[n:]
		if done {
			w.g.done(w.owed[0], now)
			w.owed = w.owed[:copy(w.owed, w.owed[1:])] // short, unless the target stalls
		}
	}
}

// EOF is a failure, as for worker.
func (w *pacedWorker) EOF() { w.g.fail(errors.New("the target closed the connection")) }

// Closed says so, too.
func (w *pacedWorker) Closed(err error) {
	if !errors.Is(err, loop.ErrStopped) {
		w.g.fail(err)
	}
}
