package loop

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// acceptsPerTurn bounds what a burst of new connections takes from the existing ones.
const acceptsPerTurn = 64

// rawListener is a listening socket in our own hands.
type rawListener struct {
	fd int
	a  *acceptor
}

// prepare takes the socket of a plain listener from package net, whose own poller would otherwise wake for each connection.
func (ln *Listener) prepare() error {
	if ln.o.Backlog > 0 {
		setBacklog(ln.nl, ln.o.Backlog)
	}
	if ln.o.TLS != nil {
		return nil
	}
	fd, ok := dupFD(ln.nl)
	if !ok {
		return fmt.Errorf("loop: listen %s: %w", ln.addr, unix.EMFILE)
	}
	ln.nl.Close()
	ln.nl = nil
	ln.raw.fd = fd
	if ln.addr.Network() != "unix" {
		tuneTCP(fd)
	}
	return nil
}

// start has the first loop accept; it reports whether epoll can be used.
func (r *rawListener) start(ln *Listener) bool {
	if ln.nl != nil {
		return false
	}
	r.a = &acceptor{ln: ln, l: ln.loops[0]}
	ln.loops[0].Post(r.a.start)
	return true
}

// stop refuses connections from now on, on whatever goroutine this is, and has the loop close the descriptor, since
// only there one can be sure that nobody is about to use it.
func (r *rawListener) stop() {
	unix.Shutdown(r.fd, unix.SHUT_RDWR)
	if r.a == nil || !r.a.l.Post(r.a.stop) {
		unix.Close(r.fd)
	}
}

// acceptor is a listener on its first loop.
type acceptor struct {
	ln      *Listener
	l       *Loop
	source  int32 // its number in events
	stopped bool
	backoff backoff
	waiting *Timer
}

func (a *acceptor) start() {
	a.l.poll.acceptors = append(a.l.poll.acceptors, a)
	a.source = int32(len(a.l.poll.acceptors))
	a.control(unix.EPOLL_CTL_ADD, unix.EPOLLIN)
}

func (a *acceptor) stop() {
	if a.waiting != nil {
		a.waiting.Stop()
	}
	a.stopped = true
	a.control(unix.EPOLL_CTL_DEL, 0)
	unix.Close(a.ln.raw.fd)
}

// control changes what epoll does. If it can't watch for want of memory, that is tried again as accepting is.
func (a *acceptor) control(op int, events uint32) {
	ev := unix.EpollEvent{Events: events, Fd: a.source}
	err := unix.EpollCtl(a.l.poll.epfd, op, a.ln.raw.fd, &ev)
	if err != nil && op == unix.EPOLL_CTL_ADD {
		a.waiting = a.l.After(a.backoff.failed(a.ln.log, a.ln.addr, err), func() { a.control(op, events) })
	}
}

// event accepts what waits.
func (a *acceptor) event() {
	if a.stopped || a.l.closing {
		return
	}
	for range acceptsPerTurn {
		fd, sa, err := unix.Accept4(a.ln.raw.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			a.backoff.worked()
			a.hand(fd, sa)
		case err == unix.EAGAIN:
			return
		case passing(err):
		case a.ln.ctx.Err() != nil:
			return // Stop has shut the socket down, and its call is on the way
		default:
			a.rest(err)
			return
		}
	}
}

// hand gives a connection to the loop with the fewest.
func (a *acceptor) hand(fd int, sa unix.Sockaddr) {
	l := a.ln.pick()
	enter := func() {
		l.load.Add(-1)
		_, local := sa.(*unix.SockaddrUnix)
		l.enter(&fdConn{fd: fd, remote: addrString(sa)}, !local, func(c Conn) Handler { return a.ln.open(l, c) })
	}
	if l == a.l {
		enter()
		return
	}
	if !l.Post(enter) {
		l.load.Add(-1)
		unix.Close(fd)
	}
}

// rest stops watching the listener for a while: it stays readable, and epoll would say so for ever.
func (a *acceptor) rest(err error) {
	a.control(unix.EPOLL_CTL_MOD, 0)
	a.waiting = a.l.After(a.backoff.failed(a.ln.log, a.ln.addr, err), func() {
		a.control(unix.EPOLL_CTL_MOD, unix.EPOLLIN)
	})
}

// passing reports whether a failed accept concerns only the connection that was to be accepted; Linux reports its pending network
// errors there too.
func passing(err error) bool {
	for _, e := range [...]unix.Errno{unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.EPERM, unix.ENETDOWN, unix.ENOPROTOOPT,
		unix.EHOSTDOWN, unix.ENONET, unix.EHOSTUNREACH, unix.EOPNOTSUPP, unix.ENETUNREACH, unix.ETIMEDOUT, unix.ECONNRESET} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
