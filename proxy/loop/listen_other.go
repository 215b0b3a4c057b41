//go:build !linux

package loop

import (
	"errors"
	"syscall"
)

// rawListener has no meaning without epoll.
type rawListener struct{}

func (ln *Listener) prepare() error {
	if ln.o.Backlog > 0 {
		setBacklog(ln.nl, ln.o.Backlog)
	}
	return nil
}

func (*rawListener) start(*Listener) bool { return false }

func (*rawListener) stop() {}

// passing reports whether a failed accept concerns only the connection that was to be accepted.
func passing(err error) bool {
	return errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EINTR)
}
