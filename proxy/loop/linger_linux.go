package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// A TCP socket that is closed while bytes of the peer are unread, or still come, answers with a reset, and a reset
// destroys what was sent and not yet received. So a connection that was closed after something was sent lingers: its sending side is
// ended, what the peer still sends is thrown away, until the peer ends as well or the time is up.
const (
	lingerTime = time.Second
	// maxLingering bounds the descriptors that this costs a loop; beyond it connections are closed as they are.
	maxLingering = 1024
	// discardAtOnce is what one turn throws away; nothing is copied.
	discardAtOnce = 1 << 20
)

// linger keeps a closed connection's descriptor for a while; it reports whether that is of use.
func (c *fdConn) linger() bool {
	if c.state&(stTCP|stWrote|stDrained) != stTCP|stWrote || c.l.poll.lingering >= maxLingering || c.l.closing {
		return false
	}
	if unix.Shutdown(c.fd, unix.SHUT_WR) != nil || !c.drop() {
		return false
	}
	c.state |= stLinger | stShut
	c.state &^= stPaused | stWant
	c.l.poll.lingering++
	c.timer = c.l.After(lingerTime, c.unlinger)
	c.sync()
	return true
}

// discard is what a lingering connection does with an event.
func (c *fdConn) discard() {
	if !c.drop() {
		c.unlinger()
	}
}

// unlinger ends it.
func (c *fdConn) unlinger() {
	c.state &^= stLinger
	c.l.poll.lingering--
	c.timer.Stop()
	c.drop()
	c.release()
}

// drop throws away what has arrived, and reports whether more may come.
func (c *fdConn) drop() bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), 0, discardAtOnce,
		unix.MSG_TRUNC|unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return errno == unix.EAGAIN || errno == unix.EINTR
	}
	return n > 0
}
