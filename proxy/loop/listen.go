package loop

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	defaultHandshakeTimeout = 10 * time.Second
	defaultUnixMode         = 0o600
	// maxHandshakes bounds the TLS handshakes that a listener has in progress; further connections wait in the kernel.
	maxHandshakes = 1024
)

// keepAlive is tuneTCP's for connections that package net makes.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 300 * time.Second, Interval: 100 * time.Second, Count: 3}

// ListenOptions configure a Listener.
type ListenOptions struct {
	// TLS gives the configuration for a handshake; nil: plain. It is called for each, on any goroutine, so that certificates can be swapped.
	TLS func() *tls.Config

	HandshakeTimeout time.Duration // 0: 10 s
	UnixMode         os.FileMode   // permissions of a unix socket's file. 0: 0600
	Backlog          int           // of the kernel's queue. 0: as large as the system allows. Ignored on Windows
}

// Listener accepts connections and spreads them over loops.
type Listener struct {
	o    ListenOptions
	addr net.Addr
	log  *slog.Logger
	nl   net.Listener // nil where the socket was given to epoll
	raw  rawListener
	file os.FileInfo // of a unix socket, as we made it
	path string

	loops  []*Loop
	open   func(*Loop, Conn) Handler
	next   int // where the search for a loop begins
	pickMu sync.Mutex

	mu      sync.Mutex // over started and stopped
	started bool
	stopped bool
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	workers sync.WaitGroup // the accepting goroutine and the handshakes
}

// Listen opens a listening socket: network is tcp, tcp4, tcp6 or unix. The file of a unix socket is never open to more than UnixMode says; a file
// that a dead process left is replaced. Since permissions at creation are the process's, files that other goroutines
// create at that moment get UnixMode's as well.
func Listen(network, address string, o ListenOptions) (*Listener, error) {
	if o.HandshakeTimeout <= 0 {
		o.HandshakeTimeout = defaultHandshakeTimeout
	}
	if o.UnixMode == 0 {
		o.UnixMode = defaultUnixMode
	}
	ln := &Listener{o: o}
	var err error
	switch network {
	case "tcp", "tcp4", "tcp6":
		lc := net.ListenConfig{KeepAliveConfig: keepAlive}
		lc.SetMultipathTCP(false) // costs each connection, and no client of ours speaks it
		ln.nl, err = lc.Listen(context.Background(), network, address)
	case "unix":
		err = ln.listenUnix(address)
	default:
		err = fmt.Errorf("loop: network %q is not one of tcp, tcp4, tcp6, unix", network)
	}
	if err != nil {
		return nil, err
	}
	ln.addr = ln.nl.Addr()
	ln.ctx, ln.cancel = context.WithCancel(context.Background())
	if err := ln.prepare(); err != nil {
		ln.Stop()
		return nil, err
	}
	return ln, nil
}

// listenUnix opens a unix socket.
func (ln *Listener) listenUnix(path string) error {
	nl, err := listenMasked(path, ln.o.UnixMode)
	if err != nil && !abstract(path) && deadSocket(path) {
		if os.Remove(path) == nil {
			nl, err = listenMasked(path, ln.o.UnixMode)
		}
	}
	if err != nil {
		return err
	}
	nl.SetUnlinkOnClose(false) // removeFile does it, if the file is still ours
	ln.nl = nl
	if abstract(path) {
		return nil
	}
	ln.path = path
	if ln.file, err = os.Lstat(path); err == nil {
		err = checkMode(path, ln.file, ln.o.UnixMode)
	}
	if err != nil {
		nl.Close()
		ln.removeFile()
	}
	return err
}

// abstract reports whether the name is one of Linux's that aren't files.
func abstract(path string) bool { return strings.HasPrefix(path, "@") || path == "" }

// deadSocket reports whether path is a socket that nobody listens on.
func deadSocket(path string) bool {
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode()&os.ModeSocket == 0 {
		return false
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		nc.Close()
		return false
	}
	return refused(err)
}

// removeFile removes the socket's file unless another process has put its own there.
func (ln *Listener) removeFile() {
	if ln.path == "" {
		return
	}
	if fi, err := os.Lstat(ln.path); err == nil && ln.file != nil && os.SameFile(fi, ln.file) {
		os.Remove(ln.path)
	}
}

// Addr is what the socket is bound to, with the port that the system chose.
func (ln *Listener) Addr() net.Addr { return ln.addr }

// Start accepts, and hands each connection to the loop that has fewest. open is called there and gives the connection's handler, as in
// Loop.Adopt. Plain connections are accepted by the first loop, so the listener must be stopped before that one. Once only.
func (ln *Listener) Start(loops []*Loop, open func(*Loop, Conn) Handler) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.started || ln.stopped || len(loops) == 0 {
		return
	}
	ln.started = true
	ln.loops, ln.open, ln.log = loops, open, loops[0].log
	if ln.raw.start(ln) {
		return
	}
	ln.workers.Add(1)
	go ln.accept()
}

// Stop stops accepting, closes the socket, removes a unix socket's file and cuts TLS handshakes in progress. Connections live on; one that was
// accepted just before may still be opened after Stop has returned. Any goroutine.
func (ln *Listener) Stop() {
	ln.mu.Lock()
	if !ln.stopped {
		ln.stopped = true
		ln.cancel()
		ln.removeFile()
		if ln.nl != nil {
			ln.nl.Close()
		} else {
			ln.raw.stop()
		}
	}
	ln.mu.Unlock()
	ln.workers.Wait()
}

// pick chooses the loop with the fewest connections, in turn among equals, and counts one more for it already: of connections that are accepted
// together none has arrived yet when the next is placed. The caller takes that one off again on the loop.
func (ln *Listener) pick() *Loop {
	ln.pickMu.Lock()
	defer ln.pickMu.Unlock()
	best := ln.loops[ln.next%len(ln.loops)]
	for i := 1; i < len(ln.loops); i++ {
		if l := ln.loops[(ln.next+i)%len(ln.loops)]; l.load.Load() < best.load.Load() {
			best = l
		}
	}
	ln.next++
	best.load.Add(1)
	return best
}
