package loop

import "sync"

const (
	// smallRead is what an idle pumped connection holds: a read that blocks needs a buffer.
	smallRead = 4 << 10
	// bigRead is the most that one hand-over brings.
	bigRead = 16 << 10
)

var bigReads = sync.Pool{New: func() any { return new([bigRead]byte) }}

// read is the goroutine that reads. It hands over one buffer and waits until the loop has done with it: that is what makes the
// peer wait for the loop, and what a pause withholds.
func (p *pumpConn) read() {
	defer p.l.workers.Done()
	defer close(p.readDone)
	small := make([]byte, smallRead)
	full := false
	for {
		// A full buffer means that more follows, which a larger one takes in fewer rounds.
		var n int
		var ok bool
		if full {
			big := bigReads.Get().(*[bigRead]byte)
			n, ok = p.readInto(big[:])
			full = n == bigRead
			bigReads.Put(big)
		} else {
			n, ok = p.readInto(small)
			full = n == smallRead
		}
		if !ok {
			break
		}
	}
	p.discard(small)
}

// readInto does one round, and reports whether there is to be another.
func (p *pumpConn) readInto(buf []byte) (int, bool) {
	n, err := p.nc.Read(buf)
	if n == 0 && err == nil {
		return 0, true
	}
	p.in, p.inErr = buf[:n], err
	if !p.l.Post(p.onArrived) {
		return n, false
	}
	_, more := <-p.credit // also after an error: the loop may not have consumed buf yet
	return n, more
}

// discard reads on after the end, until the peer has ended too or the writer has closed the connection.
func (p *pumpConn) discard(buf []byte) {
	for {
		if _, err := p.nc.Read(buf); err != nil {
			return
		}
	}
}
