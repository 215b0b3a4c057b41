package loop

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

const (
	// closeFlush is how long a closed pumped connection may take to send what it took.
	closeFlush = 5 * time.Second
	// closeDiscard is how long its peer's bytes are then read and ignored, for the reason given in linger_linux.go.
	closeDiscard = time.Second
	// When the loop ends, nobody should have to wait as long for it.
	stopFlush   = time.Second
	stopDiscard = 100 * time.Millisecond
)

// pumpConn is a net.Conn that two goroutines serve: read (pump_read.go) and write (pump_write.go).
type pumpConn struct {
	l  *Loop
	nc net.Conn
	h  Handler

	// The loop's alone.
	paused, closed, eof bool
	want                bool // a write fell short: Writable is owed
	held                bool // in is here and not yet consumed, because of a pause
	owed                bool // in was consumed, but the reader doesn't get its credit during a pause
	queued              bool // a call of arrived is posted by Resume

	// in and inErr are the reader's until it posts arrived, the loop's until it gives credit.
	in     []byte
	inErr  error
	credit chan struct{} // one token: read on; closed: the connection is

	out      outbox
	patience time.Duration // closeDiscard or stopDiscard; set before the outbox is closed
	readDone chan struct{}

	// Made once, since each use of a method as a function allocates.
	onArrived, onRoom func()
}

// pump makes nc a connection of l.
func (l *Loop) pump(nc net.Conn, open func(Conn) Handler) {
	p := &pumpConn{l: l, nc: nc, credit: make(chan struct{}, 1), readDone: make(chan struct{})}
	p.out.bell = make(chan struct{}, 1)
	p.onArrived, p.onRoom = p.arrived, p.room
	l.load.Add(1)
	l.pumps[p] = struct{}{}
	p.h = l.open(p, open)
	if p.h == nil && !p.closed {
		p.Close()
	}
	l.workers.Add(2)
	go p.read()
	go p.write()
}

// arrived takes what the reader has: on the loop, posted.
func (p *pumpConn) arrived() {
	p.queued = false
	if p.closed || p.inErr == nil && len(p.in) == 0 {
		return
	}
	defer p.l.protect(p)
	if len(p.in) > 0 {
		if p.paused {
			p.held = true
			return
		}
		p.held = false
		b := p.in
		p.in = nil
		p.h.Data(b)
		if p.closed {
			return
		}
	}
	if err := p.inErr; err != nil {
		p.inErr = nil
		p.ended(err)
		return
	}
	if p.paused {
		p.owed = true
		return
	}
	p.credit <- struct{}{}
}

// ended handles the reader's last news. Nothing was left unread, or it would have come first.
func (p *pumpConn) ended(err error) {
	if !errors.Is(err, io.EOF) {
		p.fail(err)
		return
	}
	p.eof = true
	p.h.EOF()
	if d, ok := p.h.(DrainHandler); ok && !p.closed {
		d.Drained()
	}
}

// room is posted by the writer.
func (p *pumpConn) room() {
	if p.closed {
		return
	}
	p.want = false
	defer p.l.protect(p)
	p.h.Writable()
}

func (p *pumpConn) Write(b []byte) int {
	if p.closed {
		return len(b)
	}
	if p.want {
		return 0 // as epoll's connections do, though there may be room by now
	}
	n := p.out.put(b)
	p.want = n < len(b)
	return n
}

func (p *pumpConn) Pause() { p.paused = true }

func (p *pumpConn) Resume() {
	p.paused = false
	if p.closed {
		return
	}
	if p.held && !p.queued {
		p.queued = true
		p.l.Post(p.onArrived)
	} else if p.owed {
		p.owed = false
		p.credit <- struct{}{}
	}
}

func (p *pumpConn) CloseWrite() {
	if !p.closed {
		p.out.end(outShut)
	}
}

func (p *pumpConn) Close() {
	if p.closed {
		return
	}
	p.leave()
	p.patience = closeDiscard
	if p.l.closing {
		p.patience = stopDiscard
	}
	p.nc.SetWriteDeadline(time.Now().Add(closeFlush))
	p.out.end(outClosed)
}

// leave makes p closed as far as the handler is concerned, and lets the reader go.
func (p *pumpConn) leave() {
	p.closed = true
	p.h = nil
	p.l.load.Add(-1)
	close(p.credit)
}

// fail ends the connection at once and tells the handler.
func (p *pumpConn) fail(err error) {
	if p.closed {
		return
	}
	h := p.h
	p.leave()
	p.out.end(outBroken)
	p.cut()
	if h != nil {
		p.l.tellClosed(h, err)
	}
}

// cut closes the socket without a word to the peer, which TLS would otherwise send, and wait for.
func (p *pumpConn) cut() {
	if t, ok := p.nc.(*tls.Conn); ok {
		t.NetConn().Close()
		return
	}
	p.nc.Close()
}

// gone is posted by the writer, which ends last.
func (p *pumpConn) gone() { delete(p.l.pumps, p) }

func (p *pumpConn) RemoteAddr() string { return p.nc.RemoteAddr().String() }

func (p *pumpConn) LocalAddr() string { return p.nc.LocalAddr().String() }

// stopPumps ends the pumps with their loop, and waits for every goroutine.
func (l *Loop) stopPumps() {
	for p := range l.pumps {
		if !p.closed {
			h := p.h
			p.Close()
			if h != nil {
				l.tellClosed(h, ErrStopped)
			}
		}
	}
	cut := time.AfterFunc(stopFlush, func() {
		for p := range l.pumps { // nobody changes it any more: gone can't be posted
			p.cut()
		}
	})
	l.workers.Wait()
	cut.Stop()
}
