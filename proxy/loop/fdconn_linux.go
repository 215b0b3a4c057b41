package loop

import (
	"golang.org/x/sys/unix"
)

// What a connection on epoll is in.
const (
	stPaused  uint16 = 1 << iota
	stEOF            // EOF was reported
	stDrained        // nothing more will be read
	stWant           // a write fell short: Writable is owed
	stShut           // our sending side was ended
	stFailed         // a write failed and its report is queued
	stClosed         // the handler is not to be called any more
	stLinger         // closed, but the descriptor lives on (linger_linux.go)
	stWatched        // in epoll
	stTCP
	stWrote // something was sent
)

const (
	// maxRawWrite bounds one system call: the collector can't stop the world while one that the scheduler doesn't know of copies.
	maxRawWrite = 256 << 10
	// maxWrite bounds what one Write takes, for the sake of the other connections.
	maxWrite = 1 << 20
)

// fdConn is a plain socket. It is kept small, since most connections are idle most of the time.
type fdConn struct {
	l             *Loop
	h             Handler
	remote, local string
	timer         *Timer // ends lingering
	fd            int
	gen           int32
	interest      uint32 // what epoll watches for, where stWatched
	state         uint16
}

// has reports whether c is in any of the states s.
func (c *fdConn) has(s uint16) bool { return c.state&s != 0 }

// want is what epoll should watch for. Errors and hang-ups are always watched.
func (c *fdConn) want() uint32 {
	var ev uint32
	if !c.has(stPaused | stDrained) {
		ev |= unix.EPOLLIN
	}
	if !c.has(stEOF) {
		ev |= unix.EPOLLRDHUP
	}
	if c.has(stWant) {
		ev |= unix.EPOLLOUT
	}
	return ev
}

// sync brings epoll's interest to what is wanted. It is called where that has to be so, not at every change: a Pause that is
// followed by Resume before anything arrives costs nothing.
func (c *fdConn) sync() {
	if want := c.want(); want != c.interest || !c.has(stWatched) {
		c.watch(want)
	}
}

func (c *fdConn) watch(events uint32) {
	op := unix.EPOLL_CTL_MOD
	if !c.has(stWatched) {
		op = unix.EPOLL_CTL_ADD
	}
	ev := unix.EpollEvent{Events: events, Fd: int32(c.fd), Pad: c.gen}
	if err := unix.EpollCtl(c.l.poll.epfd, op, c.fd, &ev); err != nil {
		c.failLater(err) // no memory, or more watches than the system allows
		return
	}
	c.interest = events
	c.state |= stWatched
}

// unwatch takes c out of epoll. Closing would do that as well unless the socket has another descriptor somewhere.
func (c *fdConn) unwatch() {
	if c.has(stWatched) {
		c.state &^= stWatched
		unix.EpollCtl(c.l.poll.epfd, unix.EPOLL_CTL_DEL, c.fd, nil)
	}
}

// event handles one event.
func (c *fdConn) event(ev uint32) {
	if c.has(stClosed | stFailed) {
		if c.has(stLinger) {
			c.discard()
		}
		return
	}
	if ev&^unix.EPOLLOUT != 0 {
		if c.has(stPaused | stDrained) {
			c.signs(ev)
		} else {
			c.read(ev)
		}
	}
	if ev&unix.EPOLLOUT != 0 && !c.has(stClosed|stFailed) && c.has(stWant) {
		c.state &^= stWant
		c.h.Writable()
		if !c.has(stClosed | stFailed) {
			c.sync()
		}
	}
}

// read reads once: level triggering brings us back for the rest, after the others had their turn. An error shows here too, after the bytes
// that came before it.
func (c *fdConn) read(ev uint32) {
	n, errno := recv(c.fd, c.l.buf)
	switch {
	case errno == 0 && n > 0:
		c.h.Data(c.l.buf[:n])
	case errno == 0:
		c.end()
	case errno == unix.EAGAIN:
		if ev&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			c.signs(ev)
		}
	default:
		c.fail(errno)
	}
}

// end is called when the peer's last byte has been read.
func (c *fdConn) end() {
	early := c.has(stEOF)
	c.state |= stEOF | stDrained
	c.sync()
	if !early {
		c.h.EOF()
	}
	if d, ok := c.h.(DrainHandler); ok && !c.has(stClosed) {
		d.Drained()
	}
}

// signs handles what epoll tells of a connection that is not read: because it is paused, or because its end was read.
func (c *fdConn) signs(ev uint32) {
	if ev&unix.EPOLLERR != 0 {
		c.fail(socketError(c.fd))
		return
	}
	if ev&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 && !c.has(stEOF) {
		if n, err := unix.IoctlGetInt(c.fd, unix.SIOCINQ); err == nil && n == 0 {
			c.end()
		} else {
			c.state |= stEOF
			c.h.EOF()
		}
		if c.has(stClosed | stFailed) {
			return
		}
	}
	if ev&unix.EPOLLHUP == 0 {
		c.sync()
		return
	}
	// Both directions have ended, which epoll repeats for ever. What is unread can still be read, but nothing can be sent.
	if c.has(stWant) && !c.has(stShut) {
		c.fail(unix.EPIPE)
		return
	}
	c.unwatch()
}

func (c *fdConn) Write(b []byte) int {
	if c.has(stClosed|stFailed|stShut) || len(b) == 0 {
		return len(b)
	}
	if c.has(stWant) {
		return 0
	}
	c.state |= stWrote
	taken, most := 0, min(len(b), maxWrite)
	for taken < most {
		piece := b[taken:min(most, taken+maxRawWrite)]
		n, errno := send(c.fd, piece)
		if errno != 0 && errno != unix.EAGAIN {
			c.failLater(errno)
			return len(b)
		}
		taken += n
		if n < len(piece) {
			break
		}
	}
	if taken < len(b) {
		c.state |= stWant
		c.sync()
	}
	return taken
}

func (c *fdConn) Pause() { c.state |= stPaused }

func (c *fdConn) Resume() {
	c.state &^= stPaused
	if c.has(stDrained | stClosed | stFailed) {
		return
	}
	if c.interest&unix.EPOLLIN == 0 || !c.has(stWatched) {
		c.sync()
	}
}

func (c *fdConn) CloseWrite() {
	if c.has(stClosed | stFailed | stShut) {
		return
	}
	c.state |= stShut
	c.state &^= stWant
	unix.Shutdown(c.fd, unix.SHUT_WR) // ENOTCONN: a reset that the next event tells of
}

func (c *fdConn) Close() {
	if c.has(stClosed) {
		return
	}
	c.leave()
	if c.has(stFailed) || !c.linger() {
		c.release()
	}
}

// leave makes c closed as far as the handler is concerned.
func (c *fdConn) leave() {
	c.state |= stClosed
	c.h = nil
	c.l.load.Add(-1)
}

// release gives the descriptor back. What was sent is the kernel's to deliver.
func (c *fdConn) release() {
	c.unwatch()
	c.l.poll.conns[c.fd] = nil
	unix.Close(c.fd)
}

// fail ends the connection at once and tells the handler.
func (c *fdConn) fail(err error) {
	if c.has(stClosed) {
		return
	}
	h := c.h
	c.leave()
	c.release()
	if h != nil {
		c.l.tellClosed(h, err)
	}
}

// failLater queues the report of a failure, since a handler must not be called from within its own call of Write.
func (c *fdConn) failLater(err error) {
	if !c.has(stClosed | stFailed) {
		c.state |= stFailed
		c.l.failures = append(c.l.failures, failure{c, err})
	}
}

// failNow makes the report. The peer's last words come first: a server that refuses a connection says why and closes, and the
// write that crossed that must not hide it.
func (c *fdConn) failNow(err error) {
	if c.has(stClosed) {
		return
	}
	if !c.has(stPaused | stDrained) {
		if n, errno := recv(c.fd, c.l.buf); errno == 0 && n > 0 {
			c.lastWords(c.l.buf[:n])
		}
	}
	c.fail(err)
}

func (c *fdConn) lastWords(b []byte) {
	defer c.l.protect(c)
	c.h.Data(b)
}

// stop ends c with its loop.
func (c *fdConn) stop() {
	if c.has(stLinger) {
		c.unlinger()
		return
	}
	if c.state&(stTCP|stWrote) == stTCP|stWrote {
		c.drop() // lest what was sent be lost to a reset
	}
	c.fail(ErrStopped)
}

func (c *fdConn) RemoteAddr() string { return c.remote }

func (c *fdConn) LocalAddr() string {
	if c.local == "" && !c.has(stClosed) {
		if sa, err := unix.Getsockname(c.fd); err == nil {
			c.local = addrString(sa)
		}
	}
	return c.local
}
