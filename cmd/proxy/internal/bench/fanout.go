package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// fanout is one publisher and many subscribers of one channel. The publisher sends a few messages at once and goes on when
// every subscriber has all of them; so nothing piles up, and what is counted has arrived. An operation is a delivery.
type fanout struct {
	subscribers int
	messages    int // in flight
}

// fanoutRun is one measurement's state, on the loop's goroutine.
type fanoutRun struct {
	fanout
	g         *generator
	publisher loop.Conn
	text      []byte
	awaited   int // deliveries, confirmations of SUBSCRIBE at first, and the publisher's replies
	began     time.Time
	counting  bool // the subscriptions are made
	start     func()
}

const channel = "bench:channel"

func (f fanout) measure(ctx context.Context, l *lab, t *target, d time.Duration) (Metrics, error) {
	conns, err := connect(ctx, t.addr, f.subscribers+1)
	if err != nil {
		return nil, err
	}
	var g generator
	r := &fanoutRun{fanout: f, g: &g, awaited: f.subscribers}
	for range f.messages {
		r.text = resp.AppendCommandStrings(r.text, "PUBLISH", channel, strings.Repeat("m", 64))
	}
	r.start = func() { g.window(warmUp(d), d, func() usage { return l.usage(t) }) }
	err = g.run(ctx, d+patience, func() {
		subscribe := resp.AppendCommandStrings(nil, "SUBSCRIBE", channel)
		for i, nc := range conns {
			g.loop.Adopt(nc, func(conn loop.Conn) loop.Handler {
				if i == 0 {
					r.publisher = conn
				} else if conn.Write(subscribe) < len(subscribe) {
					g.fail(errors.New("a new connection takes nothing"))
				}
				return &fanoutEnd{r: r, publishes: i == 0}
			})
		}
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

// publish sends the next messages. They fit into any socket's buffer, which is empty now.
func (r *fanoutRun) publish() {
	r.began = time.Now()
	r.awaited = r.messages * (r.subscribers + 1)
	if n := r.publisher.Write(r.text); n < len(r.text) {
		r.g.fail(errors.New("the publisher's socket is full"))
	}
}

// fanoutEnd is a client: a subscriber or the publisher.
type fanoutEnd struct {
	r         *fanoutRun
	publishes bool
	replies   resp.Replies
}

// Data counts deliveries, and the publisher's replies.
func (e *fanoutEnd) Data(b []byte) {
	now := time.Now()
	for len(b) > 0 {
		n, done, err := e.replies.Next(b)
		if err == nil && e.replies.Type() == '-' {
			err = fmt.Errorf("error reply: %.100q", b[:n])
		}
		if err != nil {
			e.r.g.fail(err)
			return
		}
		b = b[n:]
		if done {
			e.r.arrived(now, e.publishes)
		}
	}
}

func (r *fanoutRun) arrived(now time.Time, reply bool) {
	r.awaited--
	if r.counting && !reply {
		r.g.done(r.began, now)
	}
	switch {
	case r.awaited < 0:
		r.g.fail(errors.New("a message too many"))
	case r.awaited == 0 && !r.counting: // all have subscribed
		r.counting = true
		r.start()
		r.publish()
	case r.awaited == 0:
		r.publish()
	}
}

// Writable never comes: writes are short.
func (e *fanoutEnd) Writable() {}

// EOF is a failure, as for worker.
func (e *fanoutEnd) EOF() { e.r.g.fail(errors.New("the target closed the connection")) }

// Closed says so, too.
func (e *fanoutEnd) Closed(err error) {
	if !errors.Is(err, loop.ErrStopped) {
		e.r.g.fail(err)
	}
}
