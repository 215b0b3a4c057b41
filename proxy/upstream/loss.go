package upstream

import (
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// The answers to commands whose connection was lost, complete.
const (
	// Uncertain: the command was written and may have run.
	Uncertain = "-UNCERTAIN upstream connection lost before the reply; the command may or may not have run\r\n"
	// Unavailable: the command was certainly not run.
	Unavailable = "-UNAVAILABLE upstream is not reachable; the command was not sent\r\n"
)

// lost handles the end of the network connection: each command in flight meets
// its fate, in its place, and the link connects again.
func (l *Link) lost(err error) {
	wasReady := l.state == ready
	l.drop()
	if !wasReady {
		if l.state == greeting {
			l.env.Stats.DialErrors++
			l.retry()
		}
		return
	}
	l.env.Stats.Losses++
	l.state = down
	l.cutReply()
	l.sort()
	if l.owner != nil {
		l.locals()
		if l.state == ended {
			return
		}
		if !l.owner.LinkLost(err) {
			l.fail(Unavailable) // others', on a link that was taken over
			l.Close()
			return
		}
	}
	l.locals()
	if l.state == ended {
		return
	}
	l.retry()
	l.armExpiry()
	l.wake()
}

// cutReply closes the client that has got a part of a reply.
func (l *Link) cutReply() {
	if !l.midway {
		return
	}
	l.midway = false
	e := l.ring.front()
	if e == nil { // raw mode
		l.owner.Cut()
		return
	}
	sink := e.sink
	e.n--
	if e.n == 0 {
		l.head += e.bytes
		l.ring.pop()
	}
	sink.Cut()
}

// sort decides on each command without a reply: kept for the next connection,
// or answered in its place. Ring and buffer are built anew.
func (l *Link) sort() {
	old, buf, off, sent, streamedOut := l.ring, l.buf, l.head, l.sent, l.sent >= l.loose
	l.ring = ring{}
	l.buf, l.head, l.sent, l.loose = nil, 0, 0, 0
	for i := range old.len() {
		e := old.at(i)
		if e.kind == Local {
			*l.ring.push() = *e
			continue
		}
		if e.kind == Tx {
			l.sortTx(e, buf[off:off+e.bytes], off+e.bytes <= sent)
			off += e.bytes
			continue
		}
		if e.streamed {
			// Its bytes were not kept, so it cannot be sent again.
			l.decide(e, nil, streamedOut)
			continue
		}
		frames := buf[off : off+e.bytes]
		end := off
		off += e.bytes
		for k := range e.total {
			n := frameLen(frames)
			frame := frames[:n]
			frames = frames[n:]
			end += n
			if k >= e.total-e.n {
				l.decide(e, frame, end <= sent)
			}
		}
	}
}

// sortTx decides on a whole MULTI … EXEC. Until all of it was written nothing of
// it can have run; then everything may have, or nothing.
func (l *Link) sortTx(e *entry, frames []byte, written bool) {
	if !written && e.n == e.total && !e.sink.Gone() {
		l.buf = append(l.buf, frames...)
		k := l.ring.push()
		*k = *e
		k.at = l.env.World.Now()
		return
	}
	for i := e.total - e.n; i < e.total; i++ {
		text := "+QUEUED\r\n"
		switch {
		case i == 0:
			text = "+OK\r\n"
		case i < e.total-1:
		case written:
			text = Uncertain
		default:
			text = "-EXECABORT Transaction discarded because of: upstream connection lost\r\n"
		}
		*l.ring.push() = entry{sink: e.sink, at: e.at, n: 1, total: 1, kind: Local, tag: e.tag, text: text}
	}
}

// frameLen returns the length of the whole command at the start of b.
func frameLen(b []byte) int {
	var s resp.Requests
	lim := resp.DefaultLimits()
	n, err := s.Next(b, &lim)
	if err != nil || n == 0 {
		return len(b) // cannot be: the session sends whole commands only
	}
	return n
}

// decide settles the fate of one command.
func (l *Link) decide(e *entry, frame []byte, written bool) {
	verdict, text := l.fate(e, frame, written)
	if e.sink.Gone() || (e.streamed && verdict == Keep) {
		verdict, text = Tell, Unavailable // to one that is gone, only so that the tag is settled
	}
	now := l.env.World.Now()
	if verdict == Tell {
		*l.ring.push() = entry{sink: e.sink, at: now, n: 1, total: 1, kind: Local, tag: e.tag, text: text}
		return
	}
	l.buf = append(l.buf, frame...)
	k := l.ring.push()
	*k = *e
	k.at, k.bytes, k.n, k.total = now, len(frame), 1, 1
	k.doubtful = e.doubtful || written
}

func (l *Link) fate(e *entry, frame []byte, written bool) (Verdict, string) {
	switch {
	case l.owner != nil && e.sink == Sink(l.owner):
		return l.owner.Fate(e.tag, frame, written)
	case !written, l.env.Repeatable(frame):
		return Keep, ""
	default:
		return Tell, Uncertain
	}
}

// dropGone forgets what nobody waits for any more: a command that was not sent
// when its client went is never sent.
func (l *Link) dropGone() {
	gone := false
	for i := range l.ring.len() {
		gone = gone || l.ring.at(i).sink.Gone()
	}
	if gone && !l.raw {
		old, buf, off := l.ring, l.buf, l.head
		l.ring, l.buf, l.head, l.sent, l.loose = ring{}, nil, 0, 0, 0
		for i := range old.len() {
			e := old.at(i)
			frames := buf[off : off+e.bytes]
			off += e.bytes
			if e.sink.Gone() {
				e.kind, e.bytes, e.n, e.total, e.text = Local, 0, 1, 1, Unavailable
				frames = nil
			}
			l.buf = append(l.buf, frames...)
			*l.ring.push() = *e
		}
		l.locals()
	}
}

// armExpiry sees to it that nobody waits longer than Env.Wait for an upstream
// that is not there.
func (l *Link) armExpiry() {
	if l.expiry != nil || l.state == ready || l.state == ended {
		return
	}
	oldest := int64(-1)
	for i := range l.ring.len() {
		if e := l.ring.at(i); e.kind != Local {
			oldest = e.at
			break
		}
	}
	if l.raw {
		oldest = l.rawSince
	}
	if oldest < 0 {
		return
	}
	left := time.Duration(oldest + int64(l.env.Wait) - l.env.World.Now())
	l.expiry = l.env.World.After(max(left, 0), func() {
		l.expiry = nil
		if l.raw { // there is nothing to answer, only somebody to close
			if !l.owner.LinkLost(errUnreachable) {
				l.Close()
			}
			return
		}
		l.expire(l.env.World.Now() - int64(l.env.Wait))
		l.armExpiry()
		l.wake()
	})
}

// expire answers what was queued at or before the given time.
func (l *Link) expire(before int64) {
	l.refuse(func(e *entry) bool { return e.at <= before }, Unavailable)
}

// fail answers everything that waits with the text.
func (l *Link) fail(text string) {
	l.refuse(func(*entry) bool { return true }, text)
}

// refuse turns the entries that match into answers, the text for those that
// were never written.
func (l *Link) refuse(match func(*entry) bool, text string) {
	old, buf, off := l.ring, l.buf, l.head
	l.ring, l.buf, l.head, l.sent, l.loose = ring{}, nil, 0, 0, 0
	for i := range old.len() {
		e := old.at(i)
		frames := buf[off : off+e.bytes]
		off += e.bytes
		if e.kind == Local || !match(e) {
			*l.ring.push() = *e
			l.buf = append(l.buf, frames...)
			continue
		}
		answer := text
		if e.doubtful {
			answer = Uncertain
		}
		for range e.n {
			*l.ring.push() = entry{sink: e.sink, at: e.at, n: 1, total: 1, kind: Local, tag: e.tag, text: answer}
		}
	}
	l.locals()
}
