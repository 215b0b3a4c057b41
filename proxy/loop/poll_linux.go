package loop

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxEvents bounds one batch. It is more than the connections that are usually ready at once, because the larger the batch, the more
// commands share a write.
const maxEvents = 1024

// wakeSource is, in an event's Fd, the first of the sources that aren't connections; their Pad is 0.
const wakeSource = 0

// poller is an epoll instance with the connections that it watches.
type poller struct {
	epfd, wakefd int
	events       [maxEvents]unix.EpollEvent

	// conns is indexed by descriptor. An event names descriptor and generation: one that was fetched for a connection that another
	// handler of the same batch has closed finds a nil or, where the number is in use again, another generation.
	conns []*fdConn
	gen   int32

	acceptors []*acceptor // source number i+1 is acceptors[i]
	lingering int
}

func (p *poller) open() error {
	var err error
	if p.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("loop: epoll_create1: %w", err)
	}
	if p.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(p.epfd)
		return fmt.Errorf("loop: eventfd: %w", err)
	}
	// Edge-triggered: each write is one event, and the counter need never be read.
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: wakeSource}
	if err = unix.EpollCtl(p.epfd, unix.EPOLL_CTL_ADD, p.wakefd, &ev); err != nil {
		p.close()
		return fmt.Errorf("loop: epoll_ctl: %w", err)
	}
	return nil
}

func (p *poller) close() {
	unix.Close(p.wakefd)
	unix.Close(p.epfd)
}

// ready fetches what is ready now. It can't block, so the scheduler need not be told: that saves more than the call costs.
func (p *poller) ready() int {
	// Whoever waits for this core, perhaps the server behind us or a client, runs first: then there is more to do at once, and
	// what we have just sent is worked on. On a core of our own this returns at once.
	unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epfd),
		uintptr(unsafe.Pointer(&p.events[0])), maxEvents, 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// wait blocks for up to timeout, which is rounded up to 1 ms; for ever if it is negative.
func (p *poller) wait(timeout time.Duration) int {
	ms := -1
	if timeout >= 0 {
		ms = int(min((timeout+time.Millisecond-1)/time.Millisecond, 3_600_000))
	}
	n, err := unix.EpollWait(p.epfd, p.events[:], ms)
	if err != nil {
		return 0 // EINTR: the next turn waits again
	}
	return n
}

// wake ends wait; any goroutine, under the loop's lock.
func (p *poller) wake() {
	one := [8]byte{1}
	for {
		_, err := unix.Write(p.wakefd, one[:])
		if err != unix.EINTR {
			return
		}
	}
}

// dispatch hands the first n events out.
func (l *Loop) dispatch(n int) {
	for i := range n {
		ev := &l.poll.events[i]
		if ev.Pad == 0 {
			if ev.Fd != wakeSource {
				l.acceptEvent(l.poll.acceptors[ev.Fd-1])
			}
			continue
		}
		if c := l.poll.conns[ev.Fd]; c != nil && c.gen == ev.Pad {
			l.deliver(c, ev.Events)
		}
	}
}

func (l *Loop) acceptEvent(a *acceptor) {
	defer l.protect(nil)
	a.event()
}

func (l *Loop) deliver(c *fdConn, events uint32) {
	defer l.protect(c)
	c.event(events)
}

// add enters c under its descriptor with a generation of its own.
func (p *poller) add(c *fdConn) {
	for len(p.conns) <= c.fd {
		p.conns = append(p.conns, nil)
	}
	p.conns[c.fd] = c
	p.gen++
	if p.gen == 0 { // 0 marks the other sources
		p.gen++
	}
	c.gen = p.gen
}

// eachFD calls f for each open connection on epoll.
func (l *Loop) eachFD(f func(c aborter, h Handler)) {
	for _, c := range l.poll.conns {
		if c != nil && c.state&stClosed == 0 {
			f(c, c.h)
		}
	}
}

// closeFDs ends all connections on epoll when the loop ends.
func (l *Loop) closeFDs() {
	for _, c := range l.poll.conns {
		if c != nil {
			c.stop()
		}
	}
}
