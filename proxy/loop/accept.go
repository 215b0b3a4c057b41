package loop

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"
)

// Waiting times after a failed accept. Descriptors run out for as long as somebody holds them, so trying at once would only burn
// the processor that existing connections need.
const (
	minBackoff = 5 * time.Millisecond
	maxBackoff = time.Second
	logEvery   = time.Second
)

var errNoTLS = errors.New("loop: the listener's TLS configuration is nil")

// backoff is the state of a listener that can't accept.
type backoff struct {
	delay  time.Duration
	logged int64 // clock, 0: never
}

// failed returns how long to wait, and logs, but not too often.
func (b *backoff) failed(log *slog.Logger, addr net.Addr, err error) time.Duration {
	b.delay = min(max(2*b.delay, minBackoff), maxBackoff)
	if now := clock(); b.logged == 0 || now-b.logged >= int64(logEvery) {
		b.logged = now
		log.Warn("can't accept connections, trying again", "listener", addr.String(), "err", err, "wait", b.delay)
	}
	return b.delay
}

// worked ends the waiting.
func (b *backoff) worked() { b.delay = 0 }

// accept is the goroutine that accepts where epoll doesn't: TLS, and other systems.
func (ln *Listener) accept() {
	defer ln.workers.Done()
	slots := make(chan struct{}, maxHandshakes)
	var b backoff
	for {
		select {
		case slots <- struct{}{}: // before accepting: who has to wait waits in the kernel
		case <-ln.ctx.Done():
			return
		}
		nc, err := ln.nl.Accept()
		if err == nil {
			b.worked()
			ln.workers.Add(1)
			go ln.serve(nc, slots)
			continue
		}
		<-slots
		if ln.ctx.Err() != nil {
			return
		}
		if passing(err) {
			continue
		}
		select {
		case <-time.After(b.failed(ln.log, ln.addr, err)):
		case <-ln.ctx.Done():
			return
		}
	}
}

// serve is the goroutine of one new connection: handshake, then the loop.
func (ln *Listener) serve(nc net.Conn, slots chan struct{}) {
	defer ln.workers.Done()
	defer func() { <-slots }()
	conn, err := ln.handshake(nc)
	if err != nil {
		ln.log.Debug("TLS handshake failed", "remote", nc.RemoteAddr().String(), "err", err)
		nc.Close()
		return
	}
	l := ln.pick()
	handed := l.Post(func() {
		l.load.Add(-1)
		l.Adopt(conn, func(c Conn) Handler { return ln.open(l, c) })
	})
	if !handed {
		l.load.Add(-1)
		nc.Close()
	}
}

func (ln *Listener) handshake(nc net.Conn) (net.Conn, error) {
	if ln.o.TLS == nil {
		return nc, nil
	}
	conf := ln.o.TLS()
	if conf == nil {
		return nil, errNoTLS
	}
	// The context is not enough: it ends with Stop, and a deadline also bounds the reads of a handshake that makes slow progress.
	nc.SetDeadline(time.Now().Add(ln.o.HandshakeTimeout))
	tc := tls.Server(nc, conf)
	if err := tc.HandshakeContext(ln.ctx); err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Time{})
	return tc, nil
}
