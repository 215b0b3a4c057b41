package upstream

import "time"

// armTimeout sees to it that a connection on which a command has waited for its
// reply for Env.Timeout is given up. One timer serves all that is in flight: a
// command waits behind the others anyhow.
func (l *Link) armTimeout() {
	if l.env.Timeout <= 0 || l.late != nil || l.state != ready || l.raw {
		return
	}
	e := l.oldest()
	if e == nil {
		return
	}
	left := time.Duration(e.born + int64(l.env.Timeout) - l.env.World.Now())
	l.late = l.env.World.After(max(left, time.Millisecond), func() {
		l.late = nil
		if l.readPaused { // the replies are there: it is the client that does not take them
			l.late = l.env.World.After(l.env.Timeout, func() { l.late = nil; l.armTimeout() })
			return
		}
		if e := l.oldest(); e != nil && l.timedOut(e) {
			l.lost(errTimeout)
			return
		}
		l.armTimeout()
	})
}

// oldest returns the first entry in flight that must not take for ever: not one
// that may block by its nature, nor one whose end has not come yet. What is behind
// such a one waits for it, so nothing is late.
func (l *Link) oldest() *entry {
	for i := range l.ring.len() {
		e := l.ring.at(i)
		switch {
		case e.kind == Local:
		case e.streamed, l.env.MayBlock != nil && l.env.MayBlock(e.tag):
			return nil
		default:
			return e
		}
	}
	return nil
}

// timedOut reports whether the commands were queued so long ago that they are not
// to be waited for, nor sent again.
func (l *Link) timedOut(e *entry) bool {
	return l.env.Timeout > 0 && l.env.World.Now()-e.born >= int64(l.env.Timeout)
}
