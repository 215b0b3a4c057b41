package upstream

import (
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// armExpiry sees to it that nobody waits longer than Env.Wait for an upstream
// that is not there.
func (l *Link) armExpiry() {
	if l.expiry != nil || l.state == ready || l.state == ended {
		return
	}
	since := int64(-1)
	for i := range l.ring.len() {
		if e := l.ring.at(i); e.kind != Local {
			since = e.at
			break
		}
	}
	if l.raw {
		since = l.rawSince
	}
	if since < 0 {
		return
	}
	left := time.Duration(since + int64(l.env.Wait) - l.env.World.Now())
	l.expiry = l.env.World.After(max(left, 0), func() {
		l.expiry = nil
		l.expire(l.env.World.Now() - int64(l.env.Wait))
		l.armExpiry()
		l.wake()
	})
}

// expire answers what was queued at or before the given time. On a link that
// belongs to a session everything of that session depends on what was first, so
// all of it goes at once, by the rules of a loss.
func (l *Link) expire(before int64) {
	if l.owner == nil || l.taken {
		l.refuse(func(e *entry) bool { return !l.owns(e) && e.at <= before }, Unavailable)
		if l.reap(); l.state == ended || !l.ownerWaits(before) {
			return
		}
	}
	l.expiring = true
	defer func() { l.expiring = false }()
	l.settle(errUnreachable, func() {
		l.rebuild(func(e *entry, frames []byte, _ int) {
			if l.owns(e) {
				l.giveUp(e, frames)
				return
			}
			l.buf = append(l.buf, frames...)
			*l.ring.push() = *e
		})
	})
}

// ownerWaits reports whether the owner of a link that was taken over has waited
// since the given time.
func (l *Link) ownerWaits(since int64) bool {
	for i := range l.ring.len() {
		if e := l.ring.at(i); l.owns(e) && e.kind != Local && e.at <= since {
			return true
		}
	}
	return false
}

// owns reports whether an entry is of the link's owner: all are, but on a shared
// link and on one that was taken over.
func (l *Link) owns(e *entry) bool {
	switch {
	case l.owner == nil:
		return false
	case !l.taken:
		return true
	}
	return e.sink == Sink(l.owner) || e.sink == Sink(l.former)
}

// Expiring reports whether Fate is asked because the wait is over: what it would
// keep is told that it was not sent.
func (l *Link) Expiring() bool { return l.expiring }

// giveUp answers every command of an entry that cannot be sent any more.
func (l *Link) giveUp(e *entry, frames []byte) {
	for range e.n {
		var frame []byte
		if len(frames) > 0 {
			n := frameLen(frames)
			frame, frames = frames[:n], frames[n:]
		}
		verdict, text := l.fate(e, frame, false)
		switch {
		case verdict == Tell:
		case e.doubtful:
			text = Uncertain
		default:
			text = Unavailable
		}
		l.answer(e, text)
	}
}

// fail answers everything that waits with the text.
func (l *Link) fail(text string) {
	l.refuse(func(*entry) bool { return true }, text)
}

// dropGone forgets what nobody waits for any more: a command that was not sent
// when its client went is never sent.
func (l *Link) dropGone() {
	for i := range l.ring.len() {
		if l.ring.at(i).sink.Gone() {
			l.refuse(func(e *entry) bool { return e.sink.Gone() }, Unavailable)
			return
		}
	}
}

// refuse turns the entries that match into answers, the text for those that
// were never written. There is no connection at this time.
func (l *Link) refuse(match func(*entry) bool, text string) {
	streamed := l.buf[l.head:l.queue()] // of which the end may still be to come
	l.rebuild(func(e *entry, frames []byte, _ int) {
		if match(e) {
			answer := text
			if e.doubtful {
				answer = Uncertain
			}
			for range e.n {
				l.answer(e, answer)
			}
			return
		}
		if e.streamed {
			l.buf = append(l.buf, streamed...)
			l.loose = len(l.buf)
		}
		l.buf = append(l.buf, frames...)
		*l.ring.push() = *e
	})
	l.locals()
}

// frameLen returns the length of the whole command at the start of b.
func frameLen(b []byte) int {
	var s resp.Requests
	lim := resp.DefaultLimits()
	n, err := s.Next(b, &lim)
	if err != nil || n == 0 {
		return len(b) // cannot be: sinks send whole commands only
	}
	return n
}
