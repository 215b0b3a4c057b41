package proxy

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/session"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// worker is one event loop and all that lives on it: clients, their sessions,
// and the upstream links that these use. Only the loop touches it.
type worker struct {
	srv         *Server
	loop        *loop.Loop
	env         session.Env
	upEnv       upstream.Env
	upStats     upstream.Stats
	stats       LoopStats
	clients     client // head of the list
	draining    bool
	pending     int // bytes of output that clients have not taken
	outputTotal int
	free        [][]byte // output buffers of clients that need none now
}

// maxFree bounds the spare output buffers of a loop: 4 MiB at most.
const maxFree = 64

func newWorker(srv *Server) (*worker, error) {
	l, err := loop.New(loop.Options{Log: srv.log})
	if err != nil {
		return nil, err
	}
	w := &worker{srv: srv, loop: l, outputTotal: max(int(srv.cfg.Client.OutputLimitTotal)/srv.loops, srv.outputLimit)}
	w.clients.next, w.clients.prev = &w.clients, &w.clients
	w.upEnv = upstream.Env{
		World:        world{w},
		Scripts:      cache{w},
		Repeatable:   func(frame []byte) time.Duration { return w.env.Table.Repeatable(frame) },
		Wait:         srv.cfg.Upstream.Wait,
		Timeout:      srv.cfg.Upstream.Timeout,
		MayBlock:     session.MayBlock,
		DialTimeout:  srv.cfg.Upstream.DialTimeout,
		AuthRequired: func() { w.env.AuthRequired = true },
		Stats:        &w.upStats,
	}
	w.env = session.Env{
		Links:      upstream.NewSet(&w.upEnv, upstream.Key{Identity: srv.identity}, max(1, srv.cfg.Upstream.MaxPinned/srv.loops)),
		Scripts:    cache{w},
		Gate:       srv.gate,
		Post:       func(f func()) { l.Post(f) },
		Default:    srv.identity,
		RewriteMax: int(srv.cfg.RewriteMax),
		InputMax:   max(int(srv.cfg.Client.InputTotal)/srv.loops, int(srv.cfg.RewriteMax)),
		RawLua:     passesLua(&srv.cfg),
		Multiplex:  srv.cfg.Multiplex,
		Directory:  &srv.directory,
		PurgeStep:  srv.cfg.Purge.Step,
		Purges:     &srv.purges,
		Log:        srv.log,
		Address:    func(c session.Client) string { return c.(*client).conn.RemoteAddr() },
	}
	w.env.Report = w.report
	if srv.learner != nil {
		w.env.Learn = w.learnScript
	}
	w.use(srv.table.Load())
	return w, nil
}

// start connects to the upstream before the first client asks for it. Any
// goroutine.
func (w *worker) start() {
	w.loop.Post(func() {
		w.use(w.srv.table.Load())
		w.env.Links.Warm(upstream.Key{Identity: w.env.Default})
	})
}

// use makes a table, and the catalogue that it speaks of, the loop's.
func (w *worker) use(t *session.Table) { w.env.Table, w.env.Registry = t, t.Registry }

// open takes a new client.
func (w *worker) open(c loop.Conn) loop.Handler {
	w.stats.Accepted++
	if w.draining || int(w.srv.clients.Add(1)) > w.srv.cfg.Client.Max {
		if !w.draining {
			w.srv.clients.Add(-1)
			c.Write([]byte("-ERR max number of clients reached\r\n"))
		}
		w.count(session.TooManyClients)
		return nil
	}
	cl := &client{w: w, conn: c, since: w.loop.Now()}
	cl.sess.Init(&w.env, cl)
	cl.next, cl.prev = w.clients.next, &w.clients
	cl.next.prev, cl.prev.next = cl, cl
	w.stats.Clients++
	return cl
}

// remove forgets a client whose connection has ended.
func (w *worker) remove(c *client, reason session.Reason) {
	c.next.prev, c.prev.next = c.prev, c.next
	w.stats.Clients--
	w.count(reason)
	if reason.Ours() {
		w.srv.log.Info("client closed", "reason", string(reason), "client", c.conn.RemoteAddr())
	} else {
		w.srv.log.Debug("client closed", "reason", string(reason))
	}
	if w.srv.clients.Add(-1) == 0 {
		w.srv.idle()
	}
}

func (w *worker) count(reason session.Reason) { w.stats.Closed.Add([]byte(reason)) }

// drain ends each session once what it has in flight is answered.
func (w *worker) drain() {
	w.draining = true
	for c := w.clients.next; c != &w.clients; {
		next := c.next
		c.sess.Drain()
		c = next
	}
}

// closeLargest makes room for output by closing the client that holds the most
// of it: not the one that happens to ask next.
func (w *worker) closeLargest() {
	var largest *client
	most := -1
	for c := w.clients.next; c != &w.clients; c = c.next {
		if held := len(c.out) - c.head; held > most {
			largest, most = c, held
		}
	}
	if largest != nil {
		largest.Abort(session.OutputTotal)
	}
}

// buffer gives an empty output buffer.
func (w *worker) buffer() []byte {
	if n := len(w.free); n > 0 {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		return b
	}
	return make([]byte, 0, outBuffer)
}

// giveBack takes an output buffer that is not needed any more.
func (w *worker) giveBack(b []byte) {
	if c := cap(b); c > 0 && c <= keptBuffer && len(w.free) < maxFree {
		w.free = append(w.free, b[:0])
	}
}

// snapshot copies the counters.
func (w *worker) snapshot() LoopStats {
	s := w.stats.Clone()
	g := w.env.Links.Gauges()
	n := &w.env.Counts
	s.Commands = CommandCounts{Forwarded: n.Forwarded, Pinned: n.Pinned, Custom: n.Custom, Local: n.Local, Refused: n.Refused}
	s.Purge = PurgeCounts{Running: n.Purging, Scanned: n.PurgeScanned, Removed: n.PurgeRemoved, Steps: n.PurgeSteps}
	s.InFlight = int64(g.InFlight)
	s.Upstreams = UpstreamCounts{Connecting: int64(g.Connecting), Shared: int64(g.Shared), Pinned: int64(g.Pinned), Free: int64(g.Free)}
	u := &w.upStats
	s.Latency, s.Errors = u.Latency, u.Errors.Clone()
	s.Reconnects = u.Losses
	s.UpstreamBytesIn, s.UpstreamBytesOut = u.BytesIn, u.BytesOut
	s.Panics = w.loop.Panics()
	return s
}

// world lets links live on a worker's loop.
type world struct{ w *worker }

func (x world) Now() int64                                     { return x.w.loop.Now() }
func (x world) Defer(f loop.Flusher)                           { x.w.loop.Defer(f) }
func (x world) Rand() float64                                  { return rand.Float64() }
func (x world) After(d time.Duration, f func()) upstream.Timer { return x.w.loop.After(d, f) }

func (x world) Dial(open func(loop.Conn, error) loop.Handler) (cancel func()) {
	return x.w.loop.Dial(x.w.srv.dialer(), func(c loop.Conn, err error) loop.Handler {
		if err != nil {
			x.w.srv.dialFailed(err)
		}
		return open(c, err)
	})
}

// cache is the upstream's script cache, reached by the control plane.
type cache struct{ w *worker }

func (x cache) AppendMarker(dst []byte) ([]byte, bool) {
	up := &x.w.env.Table.Upstream
	if !up.Scripts {
		return dst, false
	}
	return x.w.env.Registry.AppendMarker(dst, up), true
}

func (x cache) Load(sha string, done func(error)) {
	x.w.srv.plane.LoadScript(sha, func(err error) {
		if err != nil {
			x.w.srv.log.Warn("scripts could not be loaded", slog.Any("error", err))
		}
		x.w.loop.Post(func() { done(err) })
	})
}
