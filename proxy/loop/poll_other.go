//go:build !linux

package loop

import (
	"net"
	"time"
)

// poller, where there is no epoll, only sleeps: every connection is pumped and all that happens is posted.
type poller struct {
	bell chan struct{} // one wake-up is remembered
}

func (p *poller) open() error {
	p.bell = make(chan struct{}, 1)
	return nil
}

func (p *poller) close() {}

func (p *poller) ready() int { return 0 }

func (p *poller) wait(timeout time.Duration) int {
	if timeout < 0 {
		<-p.bell
		return 0
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-p.bell:
	case <-t.C:
	}
	return 0
}

func (p *poller) wake() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

func (l *Loop) dispatch(int) {}

func (l *Loop) adoptFD(net.Conn, func(Conn) Handler) bool { return false }

func (l *Loop) eachFD(func(aborter, Handler)) {}

func (l *Loop) closeFDs() {}
