package control

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options are fixed for a Plane's life.
type Options struct {
	Network string // "tcp" (default) or "unix"
	Addr    string // "host:port", or the socket's path
	TLS     *tls.Config

	// Credentials returns the control user and its password, anew for each connection, so that they can be rotated. A user of
	// "" is the default user. nil, or a password of "": the connection does not authenticate.
	Credentials func() (user, password string)

	Registry *commands.Registry // the catalogue to load, until Replace; must not be nil
	Log      *slog.Logger       // default: slog.Default()

	DialTimeout time.Duration // for connecting and for each reply; default 5 s
	Interval    time.Duration // between two looks whether the upstream answers; default 1 s

	// OnChange is called after each change of the State, on the plane's goroutine, which waits for it.
	OnChange func(*State)
}

// Bounds of the time between two attempts to connect: it doubles from the first to the last.
const (
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = time.Second
)

// ErrClosed is what LoadScripts reports once the plane has ended.
var ErrClosed = errors.New("control: closed")

// Plane watches one upstream.
type Plane struct {
	opt   Options
	state atomic.Pointer[State]
	signs signs         // of the last look; the plane's goroutine alone has them
	wake  chan struct{} // capacity 1: somebody waits for the scripts, or for another catalogue
	ended chan struct{}

	registry *commands.Registry // what is loaded; only the plane's goroutine touches it once that runs

	flushed bool // scripts were loaded one by one: the others are missing too

	mu      sync.Mutex
	cancel  context.CancelFunc // nil before Start
	closed  bool
	waiting []request    // who wants scripts loaded by a run that begins after they asked
	next    *replacement // the catalogue to change to; nil: none
}

// New makes a plane that does nothing until Start.
func New(o Options) *Plane {
	if o.Network == "" {
		o.Network = "tcp"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = 5 * time.Second
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	p := &Plane{opt: o, registry: o.Registry, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	p.state.Store(p.unreachable(errors.New("not connected yet")))
	return p
}

// State returns the newest state; never nil.
func (p *Plane) State() *State { return p.state.Load() }

// Start begins to connect. It returns at once and may be called once. The plane ends with ctx, or by Close.
func (p *Plane) Start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel != nil || p.closed {
		return
	}
	ctx, p.cancel = context.WithCancel(ctx)
	go p.run(ctx)
}

// Close ends the plane and waits for it. Whoever waits for scripts is told ErrClosed.
func (p *Plane) Close() {
	p.mu.Lock()
	cancel := p.cancel
	p.closed = true
	p.mu.Unlock()
	if cancel != nil {
		cancel()
		<-p.ended
	}
	p.answer(p.take(), ErrClosed)
	p.takeNext().answer(ErrClosed)
}

// LoadScripts loads the catalogue, the marker last, and then calls done, on any goroutine. Calls that come while one is
// being served share the next run: what they missed may have been lost after the present one passed it.
func (p *Plane) LoadScripts(done func(error)) { p.request(request{"", done}) }

// LoadScript is LoadScripts for the one script of that SHA1, which somebody missed: it takes a fraction of the time. The
// others follow within Options.Interval.
func (p *Plane) LoadScript(sha string, done func(error)) { p.request(request{sha, done}) }

// request is somebody who waits for scripts to be loaded.
type request struct {
	sha  string // "": all
	done func(error)
}

func (p *Plane) request(r request) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		r.done(ErrClosed)
		return
	}
	p.waiting = append(p.waiting, r)
	p.mu.Unlock()
	p.rouse()
}

// rouse wakes the plane's goroutine.
func (p *Plane) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take takes over those who wait.
func (p *Plane) take() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.waiting
	p.waiting = nil
	return w
}

func (p *Plane) answer(waiting []request, err error) {
	for _, r := range waiting {
		r.done(err)
	}
}

func (p *Plane) publish(s *State) {
	p.state.Store(s)
	if p.opt.OnChange != nil {
		p.opt.OnChange(s)
	}
}

func (p *Plane) unreachable(err error) *State {
	return &State{Registry: p.registry, Reason: err.Error(), UnknownQuote: '\'', Upstream: commands.Upstream{Unknown: true, Reason: "the upstream does not answer"}}
}

// run connects, again and again, until ctx ends.
func (p *Plane) run(ctx context.Context) {
	defer func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.answer(p.take(), ErrClosed)
		p.takeNext().answer(ErrClosed)
		close(p.ended)
	}()
	backoff := firstBackoff
	for {
		served, err := p.connection(ctx)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, errAnew) {
			p.lost(err)
		}
		if served {
			backoff = firstBackoff
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake: // whoever saw the upstream answer need not wait
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// lost tells everybody that the upstream does not answer, once.
func (p *Plane) lost(err error) {
	if s := p.State(); s.Connected || s.Reason != err.Error() {
		p.opt.Log.Warn("upstream does not answer", "upstream", p.opt.Addr, "error", err)
		p.publish(p.unreachable(err))
	}
	p.answer(p.take(), err)
}

// errAnew says that everything should be looked at again on a new connection, although the upstream answers.
var errAnew = errors.New("the upstream changed")

// connection serves one connection to its end. served: it got as far as a published state.
func (p *Plane) connection(ctx context.Context) (served bool, err error) {
	rdb := p.client(p.opt.Credentials)
	defer rdb.Close()
	defer context.AfterFunc(ctx, func() { rdb.Close() })() // nothing else interrupts a read
	// go-redis takes lengths from the wire at their word; what then panics must not end the process.
	defer func() {
		if r := recover(); r != nil {
			p.opt.Log.Error("control connection failed", "upstream", p.opt.Addr, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("reply that can't be read: %v", r)
		}
	}()

	p.changeUnseen()
	waiting := p.take()
	state, loadErr, err := p.look(ctx, rdb)
	if err != nil {
		p.answer(waiting, err)
		return false, err
	}
	p.opt.Log.Info("upstream answers", "upstream", p.opt.Addr, "server", state.Server, "version", state.Version,
		"scripts", state.Upstream.Scripts, "reason", state.Upstream.Reason)
	p.publish(state)
	p.answer(waiting, loadErr)

	tick := time.NewTicker(p.opt.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-p.wake:
			if err = p.change(ctx, rdb); err == nil {
				err = p.reload(ctx, rdb)
			}
		case <-tick.C:
			if err = p.health(ctx, rdb); err == nil && p.flushed {
				p.flushed = false
				err = p.reloadAll(ctx, rdb, nil)
			}
		}
		if err != nil {
			return true, err
		}
	}
}

// client makes a client that is one connection: a second one would be another server, for all we know, and is refused.
func (p *Plane) client(credentials func() (string, string)) *redis.Client {
	var connections atomic.Int32
	return redis.NewClient(&redis.Options{
		Network: p.opt.Network, Addr: p.opt.Addr, TLSConfig: p.opt.TLS,
		CredentialsProvider: credentials,
		OnConnect: func(context.Context, *redis.Conn) error {
			if connections.Add(1) > 1 {
				return net.ErrClosed
			}
			return nil
		},
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		MaxRetries:               -1, // a command is sent once; what to do then is decided here
		DialerRetries:            1,
		PoolSize:                 1,
		MaxActiveConns:           1,
		DialTimeout:              p.opt.DialTimeout,
		ReadTimeout:              p.opt.DialTimeout,
		WriteTimeout:             p.opt.DialTimeout,
		PoolTimeout:              p.opt.DialTimeout,
		ContextTimeoutEnabled:    true,
		ConnMaxIdleTime:          -1,
	})
}
