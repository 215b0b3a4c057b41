package loop

import (
	"sync"
	"time"
)

const (
	// maxOut is what an outbox takes. As much again may be with the writer.
	maxOut = 64 << 10
	// smallOut is the largest buffer that a connection keeps while it has nothing to send.
	smallOut = 2 << 10
)

var bigOuts = sync.Pool{New: func() any { return new([maxOut]byte) }}

// How an outbox ends; a later state includes the earlier ones.
const (
	outOpen   = iota
	outShut   // send what is here, then end our sending side
	outClosed // send what is here, then close
	outBroken // send nothing more
)

// outbox is what a connection's loop and its writer share.
type outbox struct {
	mu    sync.Mutex
	buf   []byte
	ask   bool // put fell short: tell when there is room
	state int
	bell  chan struct{} // something has changed; one is remembered
}

// put takes what fits of b.
func (o *outbox) put(b []byte) int {
	o.mu.Lock()
	if o.state != outOpen {
		o.mu.Unlock()
		return len(b)
	}
	n := min(len(b), maxOut-len(o.buf))
	if need := len(o.buf) + n; need > cap(o.buf) && need > smallOut {
		o.buf = append(bigOuts.Get().(*[maxOut]byte)[:0], o.buf...)
	}
	o.buf = append(o.buf, b[:n]...)
	if n < len(b) {
		o.ask = true
	}
	o.mu.Unlock()
	o.ring()
	return n
}

// end moves the outbox to a later state.
func (o *outbox) end(state int) {
	o.mu.Lock()
	o.state = max(o.state, state)
	if o.state == outBroken {
		o.buf = nil
	}
	o.mu.Unlock()
	o.ring()
}

func (o *outbox) ring() {
	select {
	case o.bell <- struct{}{}:
	default:
	}
}

// take waits until there is something for the writer: bytes, or another state than the one that it has dealt with. It returns
// sent's memory to use.
func (o *outbox) take(sent []byte, dealt int) (buf []byte, state int, room bool) {
	for {
		o.mu.Lock()
		if len(o.buf) > 0 || o.state != dealt {
			buf, o.buf = o.buf, recycle(sent)
			state, room = o.state, o.ask
			o.ask = false
			o.mu.Unlock()
			return buf, state, room
		}
		if free := recycle(sent); o.buf == nil {
			o.buf = free
		}
		sent = nil
		o.mu.Unlock()
		<-o.bell
	}
}

// recycle returns a buffer that was sent if it is small, and gives it back if not.
func recycle(b []byte) []byte {
	if cap(b) == maxOut {
		bigOuts.Put((*[maxOut]byte)(b[:maxOut]))
		return nil
	}
	return b[:0]
}

// write is the goroutine that writes. It ends after the reader.
func (p *pumpConn) write() {
	defer p.l.workers.Done()
	dealt := outOpen
	var buf []byte
	for dealt < outClosed {
		var state int
		var room bool
		buf, state, room = p.out.take(buf, dealt)
		if room {
			p.l.Post(p.onRoom)
		}
		if len(buf) > 0 && state < outBroken {
			if _, err := p.nc.Write(buf); err != nil {
				p.out.end(outBroken)
				p.l.Post(func() { p.fail(err) })
				break
			}
		}
		if state == outShut && dealt == outOpen {
			p.closeWrite()
		}
		dealt = state
	}
	if dealt == outClosed {
		p.closeWrite()
	}
	p.finish(dealt == outClosed)
}

func (p *pumpConn) closeWrite() {
	if cw, ok := p.nc.(interface{ CloseWrite() error }); ok {
		cw.CloseWrite()
	}
}

// finish closes the connection and waits for the reader. If all was sent, the peer gets time to receive it.
func (p *pumpConn) finish(sent bool) {
	if sent {
		p.nc.SetReadDeadline(time.Now().Add(p.patience))
		<-p.readDone
	}
	p.cut()
	<-p.readDone
	p.l.Post(p.gone)
}
