package upstream

import "time"

// The answers to commands whose connection was lost, complete.
const (
	// Uncertain: the command was written and may have run.
	Uncertain = "-UNCERTAIN upstream connection lost before the reply; the command may or may not have run\r\n"
	// TimedOut: the same, and it is not known whether the connection was.
	TimedOut = "-UNCERTAIN no reply from the upstream within upstream.timeout; the command may or may not have run\r\n"
	// Unavailable: the command was certainly not run.
	Unavailable = "-UNAVAILABLE upstream is not reachable; the command was not sent\r\n"

	txLost = "-EXECABORT Transaction discarded because of: upstream connection lost\r\n"
)

// maxTries bounds how often a command that only reads is sent. It may be what
// the connection is lost by.
const maxTries = 3

// lost handles the end of the network connection: each command in flight meets
// its fate, in its place, and the link connects again.
func (l *Link) lost(err error) {
	was := l.state
	l.drop()
	switch was {
	case ready:
	case greeting:
		l.env.Stats.DialErrors++
		l.retry()
		return
	default:
		return
	}
	l.env.Stats.Losses++
	l.state = down
	if l.cutReply(); l.state == ended {
		return
	}
	if l.settle(err, l.sort); l.state != ended {
		l.retry()
		l.armExpiry()
		l.wake()
	}
}

// settle decides on what is queued and gives out the answers. What a sink sends
// meanwhile does not make the link connect: its state has to be whole first.
func (l *Link) settle(err error, decide func()) {
	l.settling = true
	defer func() { l.settling = false }()
	decide()
	stays := l.owner == nil || l.owner.LinkLost(err)
	if l.taken {
		l.ownersFirst()
	}
	if l.locals(); stays || l.state == ended {
		return
	}
	l.refuse(l.owns, Unavailable)
	owner := l.owner
	if !l.taken || !l.hasOthers() { // else it is closed when they have their answers
		l.Close()
	}
	owner.LinkGone()
}

// ownersFirst gives the owner of a link that was taken over its answers. They
// need not wait for the replies to what others sent before.
func (l *Link) ownersFirst() {
	old, owner := l.ring, l.owner
	l.ring = ring{}
	var own []entry
	for i := range old.len() {
		if e := old.at(i); e.kind == Local && e.sink == Sink(owner) {
			own = append(own, *e)
		} else {
			*l.ring.push() = *e
		}
	}
	for _, e := range own {
		owner.Local(e.tag, e.text)
	}
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
	if e.n--; e.n == 0 {
		l.head += e.bytes
		l.ring.pop()
	}
	sink.Cut()
}

// sort decides on each command without a reply: kept for the next connection,
// or answered in its place.
func (l *Link) sort() {
	overtaken := l.overtaken()
	sent, streamedOut := l.sent, l.sent >= l.loose
	l.rebuild(func(e *entry, frames []byte, end int) {
		switch {
		case e.streamed:
			l.decide(e, nil, streamedOut, false) // its bytes were not kept
		case e.kind == Tx:
			l.decideTx(e, frames, end <= sent)
		default:
			at := end - len(frames)
			for k := range e.total {
				n := frameLen(frames)
				at += n
				if k >= e.total-e.n {
					l.decide(e, frames[:n], at <= sent, at < overtaken[e.sink])
				}
				frames = frames[n:]
			}
		}
	})
}

// rebuild empties ring and buffer and calls each for every entry that was in
// them, with its commands and where in the old buffer these ended. Answers of
// ours are put back by itself.
func (l *Link) rebuild(each func(e *entry, frames []byte, end int)) {
	old, buf, off := l.ring, l.buf, l.queue()
	l.ring = ring{}
	l.buf, l.head, l.sent, l.loose = nil, 0, 0, 0
	for i := range old.len() {
		e := old.at(i)
		off += e.bytes
		if e.kind == Local {
			*l.ring.push() = *e
			continue
		}
		each(e, buf[off-e.bytes:off], off)
	}
}

// overtaken tells for each sink where in the buffer its last command ends that was
// written and does not only read. A read before that is not sent again: it would
// see what the later command has done. One that carries a token is: if a later one
// has run, so has it, and the token has its reply.
func (l *Link) overtaken() map[Sink]int {
	m := map[Sink]int{}
	off := l.queue()
	for i := range l.ring.len() {
		e := l.ring.at(i)
		frames := l.buf[off : off+e.bytes]
		for len(frames) > 0 {
			n := frameLen(frames)
			off += n
			if off <= l.sent && (e.kind == Tx || l.env.Repeatable(frames[:n]) != Always) {
				m[e.sink] = off
			}
			frames = frames[n:]
		}
	}
	return m
}

// decide settles the fate of one command.
func (l *Link) decide(e *entry, frame []byte, written, overtaken bool) {
	verdict, text := l.fate(e, frame, written)
	switch {
	case e.sink.Gone():
		verdict, text = Tell, Unavailable // nobody hears it; the tag is settled
	case e.once, verdict == Keep && e.streamed:
		verdict, text = Tell, Unavailable
	case written && l.timedOut(e) && (verdict == Keep || text == Uncertain):
		verdict, text = Tell, TimedOut
	case verdict == Keep && written && (overtaken && l.env.Repeatable(frame) == Always || e.tries+1 >= maxTries || l.waitedLong(e)):
		verdict, text = Tell, Uncertain
	}
	if verdict == Tell {
		l.answer(e, text)
		return
	}
	k := l.keep(e, frame)
	k.n, k.total = 1, 1
	k.doubtful = e.doubtful || written
	if written {
		k.tries++
	}
}

// waitedLong reports whether the commands have waited for Env.Wait since they
// were first lost.
func (l *Link) waitedLong(e *entry) bool {
	return e.waiting && l.env.World.Now()-e.at > int64(l.env.Wait)
}

// decideTx decides on a whole MULTI … EXEC. Until all of it was written nothing
// of it can have run; then everything may have, or nothing.
func (l *Link) decideTx(e *entry, frames []byte, written bool) {
	if !written && e.n == e.total && !e.sink.Gone() {
		l.keep(e, frames)
		return
	}
	for i := e.total - e.n; i < e.total; i++ {
		switch {
		case i == 0:
			l.answer(e, "+OK\r\n")
		case i < e.total-1:
			l.answer(e, "+QUEUED\r\n")
		case written:
			l.answer(e, Uncertain)
		default:
			l.answer(e, txLost)
		}
	}
}

// keep queues commands of an entry for the next connection. Their wait begins
// with the first loss, however many follow.
func (l *Link) keep(e *entry, frames []byte) *entry {
	l.buf = append(l.buf, frames...)
	k := l.ring.push()
	*k = *e
	k.bytes = len(frames)
	if !k.waiting {
		k.at, k.waiting = l.env.World.Now(), true
	}
	return k
}

// answer puts a text in the place of one command of the entry.
func (l *Link) answer(e *entry, text string) {
	*l.ring.push() = entry{sink: e.sink, at: e.at, n: 1, total: 1, kind: Local, tag: e.tag, text: text}
}

func (l *Link) fate(e *entry, frame []byte, written bool) (Verdict, string) {
	switch {
	case l.owner != nil && e.sink == Sink(l.owner):
		return l.owner.Fate(e.tag, frame, written, l.repeatable(e, frame))
	case !written, l.repeatable(e, frame):
		return Keep, ""
	default:
		return Tell, Uncertain
	}
}

// repeatable reports whether a command may be sent again, as late as it may come
// to that: the longest wait for a connection is counted as over.
func (l *Link) repeatable(e *entry, frame []byte) bool {
	limit := l.env.Repeatable(frame)
	return limit == Always || limit > 0 && time.Duration(l.env.World.Now()-e.born)+l.env.Wait < limit
}
