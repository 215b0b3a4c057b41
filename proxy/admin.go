package proxy

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The admin server's bounds. Whoever is slower than these, or more, is turned
// away: it answers monitoring, never the public.
const (
	adminHeaderTimeout  = 5 * time.Second
	adminWriteTimeout   = 15 * time.Second
	adminIdleTimeout    = 60 * time.Second
	adminScrapeTimeout  = 10 * time.Second
	adminScrapesAtOnce  = 4
	adminMaxHeaderBytes = 8 << 10
	adminMaxConns       = 64
)

// AdminOptions say what an Admin serves; all but Log are needed.
type AdminOptions struct {
	Addr    string // "host:port"; port 0 for any free one
	Stats   Stats
	Ready   func() error // nil: ready; else why not, in words that anybody may read. Must not block
	Version string
	Log     *slog.Logger
}

// Admin serves, over plain HTTP and to whoever can reach it,
//
//	/metrics  Prometheus's exposition format
//	/healthz  200 as long as the process can answer at all
//	/readyz   200 when clients can be served, else 503 with the reason
//
// It changes nothing and shows no keys, values or credentials.
type Admin struct {
	addr   string
	server *http.Server
	ln     net.Listener
}

// NewAdmin prepares an Admin; Listen, then Serve, then Close.
func NewAdmin(o AdminOptions) *Admin {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Admin{addr: o.Addr, server: &http.Server{
		Handler:           adminHandler(o, log),
		ReadHeaderTimeout: adminHeaderTimeout,
		ReadTimeout:       adminHeaderTimeout,
		WriteTimeout:      adminWriteTimeout,
		IdleTimeout:       adminIdleTimeout,
		MaxHeaderBytes:    adminMaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// Listen binds the address, so that Addr is known before Serve.
func (a *Admin) Listen() error {
	ln, err := net.Listen("tcp", a.addr)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	a.ln = newLimitListener(ln, adminMaxConns)
	return nil
}

// Addr is the bound address; "" before Listen.
func (a *Admin) Addr() string {
	if a.ln == nil {
		return ""
	}
	return a.ln.Addr().String()
}

// Serve answers until Close, and then returns nil.
func (a *Admin) Serve() error {
	if err := a.server.Serve(a.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

// Close ends Serve and cuts its connections. It may be called at any time, and
// more than once.
func (a *Admin) Close() error {
	err := a.server.Close()
	if a.ln != nil {
		a.ln.Close() // Serve may not have been called; then the server does not know it
	}
	return err
}

func adminHandler(o AdminOptions, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(o.Stats, o.Ready, o.Version), promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		MaxRequestsInFlight: adminScrapesAtOnce,
		Timeout:             adminScrapeTimeout,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := o.Ready(); err != nil {
			answer(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "atomicproxy "+o.Version+"\n/metrics\n/healthz\n/readyz")
	})
	return mux
}

// answer writes text and no more than the browser is told it is: a reason may
// quote what an upstream said.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, strings.ToValidUTF8(text, "?")+"\n")
}
