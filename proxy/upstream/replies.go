package upstream

import (
	"bytes"
	"time"
)

// run is a stretch of the read buffer that holds whole replies of one sink, to
// be handed over in one piece.
type run struct {
	sink  Sink
	start int
	n     int
}

// replies hands what came to those whose turn it is.
func (l *Link) replies(b []byte) {
	if len(l.hold) > 0 || l.midway {
		if b = l.resume(b); len(b) == 0 {
			l.wake()
			return
		}
	}
	var r run
	i := 0
	for i < len(b) {
		n, done, err := l.scan.Next(b[i:])
		if err != nil {
			l.handOver(&r, b, i)
			l.lost(err)
			return
		}
		if !done {
			l.handOver(&r, b, i)
			if l.state == ready {
				l.holdBack(b[i:])
				l.wake()
			}
			return
		}
		e := l.ring.front()
		if e != nil && e.kind.passes() && l.scan.Type() != '>' {
			if b[i] == '-' {
				l.env.Stats.code(b[i : i+n])
				if e.kind == Tx && e.n == 1 && !txEnded(b[i:i+n]) {
					l.handOver(&r, b, i)
					l.lost(errTx)
					return
				}
			}
			if l.early(e) {
				l.handOver(&r, b, i)
				l.lost(errUnexpected)
				return
			}
			if r.sink != e.sink {
				l.handOver(&r, b, i)
				if e = l.ring.front(); l.state != ready || e == nil {
					return // the sink closed this, its own, link
				}
				r.sink, r.start = e.sink, i
			}
			r.n++
			i += n
			if e.n--; e.n == 0 {
				l.popFront(&r, b, i)
			}
			continue
		}
		l.handOver(&r, b, i)
		if l.state != ready || !l.whole(b[i:i+n]) {
			return
		}
		i += n
	}
	l.handOver(&r, b, i)
	if l.state == ready {
		l.wake()
	}
}

// handOver gives the run, which ends at b[end], to its sink.
func (l *Link) handOver(r *run, b []byte, end int) {
	if r.n > 0 {
		out := *r
		*r = run{}
		out.sink.Replies(b[out.start:end], out.n)
	}
}

// whole takes one whole reply, of which nothing was passed on yet. False: the
// connection is gone.
func (l *Link) whole(reply []byte) bool {
	if l.scan.Type() == '>' {
		if l.owner != nil {
			l.owner.Push(reply)
		}
		// Nobody on a shared connection can have asked for a push.
		return l.state == ready
	}
	e := l.ring.front()
	if e == nil || l.early(e) {
		l.lost(errUnexpected)
		return false
	}
	if reply[0] == '-' {
		l.env.Stats.code(reply)
		if e.kind == Tx && e.n == 1 && !txEnded(reply) {
			l.lost(errTx)
			return false
		}
	}
	sink, tag, kind := e.sink, e.tag, e.kind
	frame := l.buf[l.queue() : l.queue()+e.bytes]
	if e.n--; e.n > 0 {
		sink.Replies(reply, 1)
		return l.state == ready
	}
	l.observe(e)
	l.ring.pop()
	l.head += len(frame) // the frame itself stays where it is until reclaim
	if kind == Inspect || kind == Whole {
		sink.Answer(tag, reply, frame)
	} else {
		sink.Replies(reply, 1)
	}
	if l.state != ready {
		return false
	}
	l.reclaim()
	l.locals()
	return l.state == ready
}

// early reports whether the entry's next reply cannot be one: its command was
// not written yet.
func (l *Link) early(e *entry) bool {
	if e.n > 1 {
		return l.sent <= l.queue()
	}
	return l.sent < l.queue()+e.bytes
}

// txEnded reports whether an EXEC that was answered with this error has left no
// transaction open. After any other the connection might still be queueing.
func txEnded(line []byte) bool {
	return bytes.HasPrefix(line, []byte("-EXECABORT")) || bytes.HasPrefix(line, []byte("-ERR EXEC without MULTI"))
}

// popFront ends the oldest entry, whose last reply is the end of the run.
func (l *Link) popFront(r *run, b []byte, end int) {
	e := l.ring.front()
	l.observe(e)
	n := e.bytes
	l.ring.pop()
	l.release(n)
	if next := l.ring.front(); next != nil && next.kind == Local {
		l.handOver(r, b, end)
		l.locals()
	}
}

// locals gives out the proxy's own replies whose turn has come.
func (l *Link) locals() {
	for e := l.ring.front(); e != nil && e.kind == Local; e = l.ring.front() {
		sink, tag, text := e.sink, e.tag, e.text
		l.ring.pop()
		sink.Local(tag, text)
	}
}

func (l *Link) observe(e *entry) {
	l.env.Stats.Latency.ObserveMany(time.Duration(l.env.World.Now()-e.at), uint64(e.total))
}

// holdBack keeps the beginning of a reply that is not whole. Past holdMax it is
// passed on in pieces: from then on its loss can only close the client.
func (l *Link) holdBack(b []byte) {
	l.hold = append(l.hold, b...)
	if len(l.hold) <= holdMax || l.scan.Type() == '>' || l.scan.Type() == 0 {
		return
	}
	e := l.ring.front()
	if e == nil {
		l.lost(errUnexpected)
		return
	}
	if e.kind == Whole && len(l.hold) <= wholeMax {
		return
	}
	if e.kind == Inspect || e.kind == Whole {
		if l.hold[0] == '-' {
			return // an error is always given whole
		}
		e.kind = Pass
		e.sink.Long(e.tag)
	}
	l.midway = true
	held := l.hold
	l.hold = nil
	e.sink.Part(held)
}

// resume goes on with the reply whose beginning is held or was passed on, and
// returns what follows it in b.
func (l *Link) resume(b []byte) []byte {
	n, done, err := l.scan.Next(b)
	if err != nil {
		l.lost(err)
		return nil
	}
	switch {
	case l.midway && !done:
		l.ring.front().sink.Part(b)
		return nil
	case l.midway:
		l.midway = false
		e := l.ring.front()
		sink := e.sink
		if e.n--; e.n > 0 {
			sink.Replies(b[:n], 1)
		} else {
			l.observe(e)
			bytes := e.bytes
			l.ring.pop()
			sink.Replies(b[:n], 1)
			if l.state == ready {
				l.release(bytes)
				l.locals()
			}
		}
	case !done:
		l.holdBack(b)
		return nil
	default:
		whole := append(l.hold, b[:n]...)
		l.hold = nil
		if !l.whole(whole) {
			return nil
		}
	}
	if l.state != ready {
		return nil
	}
	return b[n:]
}

// rawReplies gives whole frames to the owner of a link in raw mode, error lines
// apart, and a long frame as it comes.
func (l *Link) rawReplies(b []byte) {
	start, i := 0, 0
	for i < len(b) {
		fresh := len(l.hold) == 0 && !l.midway
		n, done, err := l.scan.Next(b[i:])
		if err != nil {
			l.lost(err)
			return
		}
		switch {
		case l.midway:
			l.owner.Raw(b[i : i+n])
			l.midway = !done
			start = i + n
		case !done:
			if i > start {
				l.owner.Raw(b[start:i])
			}
			l.rawHold(b[i:])
			return
		case !fresh:
			frame := append(l.hold, b[i:i+n]...)
			l.hold = nil
			l.rawFrame(frame)
			start = i + n
		case b[i] == '-' || l.byFrame:
			if i > start {
				l.owner.Raw(b[start:i])
			}
			l.rawFrame(b[i : i+n])
			start = i + n
		}
		if l.state != ready {
			return
		}
		i += n
	}
	if i > start {
		l.owner.Raw(b[start:i])
	}
}

func (l *Link) rawFrame(frame []byte) {
	if frame[0] == '-' {
		l.env.Stats.code(frame)
		l.owner.RawError(frame)
		return
	}
	l.owner.Raw(frame)
}

func (l *Link) rawHold(b []byte) {
	l.hold = append(l.hold, b...)
	if len(l.hold) > holdMax && l.hold[0] != '-' {
		held := l.hold
		l.hold, l.midway = nil, true
		l.owner.Raw(held)
	}
}
