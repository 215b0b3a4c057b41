package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"github.com/atomicproxy/atomicproxy/proxy/session"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
	"github.com/atomicproxy/atomicproxy/proxy/upstream/control"
)

// Options are what a Server needs besides its configuration.
type Options struct {
	Log     *slog.Logger // nil: slog.Default()
	Version string       // shown by the metrics
	Scripts fs.FS        // the catalogue; nil: the embedded one
}

// Server is a running proxy: New, Listen, Serve, and Drain or Close.
type Server struct {
	cfg      Config
	log      *slog.Logger
	version  string
	started  time.Time
	target   Target
	tls      *tls.Config                // to the upstream; nil: plain
	cert     atomic.Pointer[tls.Config] // of tls:// listeners
	sources  commands.Sources
	plane    *control.Plane
	policy   session.Policy
	table    atomic.Pointer[session.Table]
	identity upstream.Identity
	gate     *session.Gate
	learner  *learner // nil: raw_lua is not "learn"

	loops       int
	outputLimit int
	workers     []*worker
	listeners   []*loop.Listener
	admin       *Admin
	clients     atomic.Int64
	draining    atomic.Bool
	empty       chan struct{} // has an element when the last client has gone
	directory   session.Directory
	purges      session.Purges
	lastDial    atomic.Int64 // unix seconds of the last failure that was logged

	looked    sync.Once
	firstLook chan struct{} // closed once the upstream has been looked at

	running sync.WaitGroup // loops and the admin server
	stop    context.CancelFunc
	closing sync.Once
	closed  chan struct{}
}

// New makes a server from a configuration that Validate has accepted. It opens
// no socket.
func New(cfg Config, o Options) (*Server, error) {
	target, err := cfg.UpstreamTarget()
	if err != nil {
		return nil, err
	}
	if err := checkShare(&cfg); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: o.Log, version: o.Version, started: time.Now(), target: target,
		gate: session.NewGate(cfg.Purge.Queue), loops: loops(cfg.Loops),
		outputLimit: int(cfg.Client.OutputLimit),
		empty:       make(chan struct{}, 1), firstLook: make(chan struct{}), closed: make(chan struct{}),
		policy:  session.Policy{RawLua: passesLua(&cfg), Vetted: cfg.RawLua == "vetted", Deny: lower(cfg.Deny), Share: lower(cfg.Share)},
		sources: commands.Sources{Builtin: o.Scripts},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.tls, err = cfg.UpstreamTLS(); err != nil {
		return nil, fmt.Errorf("upstream.tls: %w", err)
	}
	if err := s.reloadCertificates(); err != nil {
		return nil, err
	}
	registry, err := cfg.catalogue(s.sources)
	if err != nil {
		return nil, err // it names files and lines
	}
	if cfg.RawLua == "learn" {
		if s.learner, err = newLearner(cfg.Scripts.LearnDir, s.log); err != nil {
			return nil, fmt.Errorf("scripts.learn_dir: %w", err)
		}
	}
	s.identity.DB = target.DB
	if cfg.Upstream.ServeCredentials && target.Password != "" {
		s.identity.Auth, s.identity.User, s.identity.Password = true, target.User, target.Password
	}
	s.plane = control.New(s.controlOptions(registry))
	s.learn(s.plane.State())
	for range s.loops {
		w, err := newWorker(s)
		if err != nil {
			return nil, err
		}
		s.workers = append(s.workers, w)
	}
	return s, nil
}

// loops chooses the number of event loops. On two cores one loop and the server
// beside it are busy already: a second loop would only compete with them.
func loops(configured int) int {
	if configured > 0 {
		return configured
	}
	return max(1, runtime.GOMAXPROCS(0)/2)
}

// checkShare refuses names that would hand one client's state to another.
func checkShare(cfg *Config) error {
	for _, name := range cfg.Share {
		parent, sub, isSub := strings.Cut(name, "|")
		c := commands.Lookup([]byte(parent))
		if c != nil && isSub {
			c = c.Sub([]byte(sub))
		}
		if c != nil && c.Handling != commands.Share {
			return &ConfigError{[]Problem{cfg.problem("share", fmt.Sprintf("%q makes state on its connection, or is refused: it can't be shared", name))}}
		}
	}
	return nil
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

func (s *Server) controlOptions(registry *commands.Registry) control.Options {
	return control.Options{
		Network: s.target.Network, Addr: s.target.Address,
		Credentials: s.credentials,
		TLS:         s.tls, Registry: registry, Log: s.log, DialTimeout: s.cfg.Upstream.DialTimeout,
		OnChange: s.learn,
	}
}

// credentials are the control connection's, read anew so that a rotated
// password file is followed.
func (s *Server) credentials() (user, password string) {
	t, err := s.cfg.UpstreamTarget()
	if err != nil {
		s.log.Error("upstream password", "error", err)
		t = s.target
	}
	return t.User, t.Password
}

// learn takes what the control plane has found out about the upstream. While
// the upstream is away, what it was last known to have still holds.
func (s *Server) learn(st *control.State) {
	if s.table.Load() != nil && !st.Connected && !st.AuthRequired {
		return
	}
	t := session.NewTable(s.policy, st.Registry, st.Upstream, st.Commands, unknownQuote(st))
	s.table.Store(t)
	mustAuth := st.ClientsMustAuth && !s.identity.Auth
	for _, w := range s.workers {
		w.loop.Post(func() {
			w.use(t)
			w.env.AuthRequired = mustAuth
			w.env.Links.Hurry()
		})
	}
	if st.Connected || st.AuthRequired {
		s.looked.Do(func() { close(s.firstLook) })
	}
}

// unknownQuote is what stands around an unknown name in the error that a client
// gets before it has authenticated; 0: it gets NOAUTH instead.
func unknownQuote(st *control.State) byte {
	if st.HidesNames {
		return 0
	}
	return st.UnknownQuote
}

func (s *Server) dialer() loop.Dialer {
	return loop.Dialer{Network: s.target.Network, Address: s.target.Address, Timeout: s.cfg.Upstream.DialTimeout, TLS: s.tls}
}

// dialFailed logs at most once a second: every link of every loop tries.
func (s *Server) dialFailed(err error) {
	now := time.Now().Unix()
	if last := s.lastDial.Load(); now > last && s.lastDial.CompareAndSwap(last, now) {
		s.log.Warn("upstream not reachable", "upstream", s.target.String(), "error", err)
	}
}

// Listen binds every address, so that Addrs is known before Serve.
func (s *Server) Listen() error {
	addrs, err := s.cfg.Listeners()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		o := loop.ListenOptions{}
		if a.TLS {
			o.TLS = s.cert.Load
		}
		ln, err := loop.Listen(a.Network, a.Address, o)
		if err != nil {
			s.stopListening()
			return fmt.Errorf("listen: %w", err)
		}
		s.listeners = append(s.listeners, ln)
	}
	if s.cfg.Admin == "" {
		return nil
	}
	s.admin = NewAdmin(AdminOptions{Addr: s.cfg.Admin, Stats: s, Ready: s.Ready, Version: s.version, Log: s.log})
	if err := s.admin.Listen(); err != nil {
		s.stopListening()
		return err
	}
	return nil
}

func (s *Server) stopListening() {
	for _, ln := range s.listeners {
		ln.Stop()
	}
}

// Addrs are the bound addresses of the clients' listeners.
func (s *Server) Addrs() []string {
	var out []string
	for _, ln := range s.listeners {
		out = append(out, ln.Addr().String())
	}
	return out
}

// AdminAddr is the bound address of the admin server; "" if there is none.
func (s *Server) AdminAddr() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.Addr()
}

// firstLook is how long clients wait, at the start, for what the upstream can
// do to be known. Without it the first custom command might be refused.
const firstLook = 2 * time.Second

// Serve serves until Close, or until ctx ends, and returns nil.
func (s *Server) Serve(ctx context.Context) error {
	ctx, s.stop = context.WithCancel(ctx)
	for _, w := range s.workers {
		s.running.Go(w.loop.Run)
	}
	if s.admin != nil {
		s.running.Go(s.serveAdmin)
	}
	if s.learner != nil {
		s.running.Go(func() { s.learner.run(ctx) })
	}
	s.plane.Start(ctx)
	select {
	case <-s.firstLook:
	case <-time.After(firstLook):
	case <-ctx.Done():
	}
	loops := make([]*loop.Loop, len(s.workers))
	byLoop := make(map[*loop.Loop]*worker, len(s.workers))
	for i, w := range s.workers {
		loops[i] = w.loop
		byLoop[w.loop] = w
		w.start()
	}
	for _, ln := range s.listeners {
		ln.Start(loops, func(l *loop.Loop, c loop.Conn) loop.Handler { return byLoop[l].open(c) })
	}
	s.log.Info("serving", "listen", s.Addrs(), "upstream", s.target.String(), "loops", s.loops)
	select {
	case <-ctx.Done():
		s.Close()
	case <-s.closed:
	}
	return nil
}

func (s *Server) serveAdmin() {
	if err := s.admin.Serve(); err != nil {
		s.log.Error("admin server failed", "error", err)
	}
}

// Ready tells why clients cannot be served now; nil: they can.
func (s *Server) Ready() error {
	if s.draining.Load() {
		return errors.New("shutting down")
	}
	if st := s.plane.State(); !st.Connected && !st.AuthRequired {
		return errors.New("the upstream does not answer")
	}
	return nil
}

// Drain stops accepting, lets every client have the replies to what it has
// sent, and closes it. It returns when all have gone; ctx's error if it ended
// before that. Close follows in either case.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	s.stopListening()
	for _, w := range s.workers {
		w.loop.Post(w.drain)
	}
	for s.clients.Load() > 0 {
		select {
		case <-s.empty:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// idle is called when the last client has gone.
func (s *Server) idle() {
	select {
	case s.empty <- struct{}{}:
	default:
	}
}

// Close ends everything at once and waits for its goroutines.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.draining.Store(true)
		s.stopListening()
		if s.stop != nil {
			s.stop()
		}
		for _, w := range s.workers {
			w.loop.Stop()
		}
		if s.admin != nil {
			s.admin.Close()
		}
		s.running.Wait()
		s.plane.Close()
		close(s.closed)
	})
	<-s.closed
	return nil
}

// Snapshot asks each loop for its counters. A loop that does not answer within
// a second keeps its place, empty.
func (s *Server) Snapshot() Snapshot {
	out := Snapshot{Loops: make([]LoopStats, len(s.workers))}
	type part struct {
		i     int
		stats LoopStats
	}
	parts := make(chan part, len(s.workers))
	asked := 0
	for i, w := range s.workers {
		if w.loop.Post(func() { parts <- part{i, w.snapshot()} }) {
			asked++
		}
	}
	timeout := time.After(time.Second)
	for range asked {
		select {
		case p := <-parts:
			out.Loops[p.i] = p.stats
		case <-timeout:
			return out
		}
	}
	return out
}
