package upstream

// Send queues n whole commands, b, of the sink. Their bytes are copied.
func (l *Link) Send(s Sink, b []byte, n int, kind Kind, tag uint8) {
	now := l.env.World.Now()
	l.buf = append(l.buf, b...)
	// A run of plain commands of one sink is one entry. Only within one turn of
	// the loop: an entry has one time.
	if e := l.ring.back(); e != nil && e.sink == s && e.kind == Pass && kind == Pass &&
		e.at == now && e.tag == tag && !e.streamed && !e.doubtful {
		e.n += uint32(n)
		e.total += uint32(n)
		e.bytes += len(b)
	} else {
		e := l.ring.push()
		*e = entry{sink: s, at: now, born: now, bytes: len(b), n: uint32(n), total: uint32(n), kind: kind, tag: tag}
	}
	l.touch()
}

// Local queues a reply of the proxy's own behind what is in flight.
func (l *Link) Local(s Sink, tag uint8, text string) {
	if l.ring.len() == 0 {
		s.Local(tag, text)
		return
	}
	e := l.ring.push()
	*e = entry{sink: s, at: l.env.World.Now(), n: 1, total: 1, kind: Local, tag: tag, text: text}
}

// BeginStream announces a command whose bytes come by Stream as they arrive.
// Nothing may be in flight on the link, so that the bytes need not be kept.
func (l *Link) BeginStream(s Sink, kind Kind, tag uint8) {
	e := l.ring.push()
	*e = entry{sink: s, at: l.env.World.Now(), n: 1, total: 1, kind: kind, tag: tag, streamed: true}
	l.loose = len(l.buf)
}

// Stream queues bytes of the command that BeginStream announced.
func (l *Link) Stream(b []byte) {
	l.buf = append(l.buf, b...)
	l.loose = len(l.buf)
	l.touch()
}

// SendRaw queues bytes on a link in raw mode, for which no reply is awaited.
func (l *Link) SendRaw(b []byte) { l.Stream(b) }

// SetRaw puts a pinned link into raw mode, for good: what comes is given to the
// owner frame by frame, without asking whose turn it is, since on such a
// connection replies and commands no longer pair (subscriptions, MONITOR,
// CLIENT REPLY). Nothing may be in flight.
func (l *Link) SetRaw() { l.raw, l.rawSince = true, l.env.World.Now() }

// ByFrame has each frame of a link in raw mode given to the owner apart, or no
// longer.
func (l *Link) ByFrame(on bool) { l.byFrame = on }

// Full reports whether senders should pause. One that is told so is called by
// Unblocked, once, when there is room.
func (l *Link) Full(s Sink) bool {
	if len(l.buf)-l.head < highWater && l.ring.len() < maxEntries {
		return false
	}
	for _, w := range l.waiters {
		if w == s {
			return true
		}
	}
	l.waiters = append(l.waiters, s)
	return true
}

func (l *Link) touch() {
	if l.state != ready {
		l.Connect()
		l.armExpiry()
		return
	}
	if l.late == nil {
		l.armTimeout()
	}
	if len(l.buf)-l.sent >= earlyWrite {
		l.write()
		return
	}
	if !l.dirty {
		l.dirty = true
		l.env.World.Defer(l)
	}
}

// Flush writes what the batch has queued: one write for all senders.
func (l *Link) Flush() {
	l.dirty = false
	l.write()
}

func (l *Link) write() {
	if l.state != ready {
		return
	}
	if l.sent < len(l.buf) {
		n := l.conn.Write(l.buf[l.sent:])
		l.sent += n
		l.env.Stats.BytesOut += uint64(n)
	}
	if l.finishing && l.sent == len(l.buf) {
		l.conn.CloseWrite()
	}
	if l.loose > l.head {
		l.head = min(l.sent, l.loose)
		l.reclaim()
		l.wake()
	}
}

// release lets go of the first n bytes of the buffer: they were answered.
func (l *Link) release(n int) {
	l.head += n
	l.reclaim()
}

// reclaim makes room by moving what is left to the front, once at least half of
// the buffer is spent, so that each byte moves at most once on average.
func (l *Link) reclaim() {
	switch {
	case l.head == len(l.buf):
		l.buf, l.head, l.sent, l.loose = l.buf[:0], 0, 0, 0
		if cap(l.buf) > keepBuf {
			l.buf = nil
		}
	case l.head > 64<<10 && l.head > len(l.buf)/2:
		n := copy(l.buf, l.buf[l.head:])
		l.buf = l.buf[:n]
		l.sent -= l.head
		l.loose = max(0, l.loose-l.head)
		l.head = 0
	}
}

// wake calls those that were told Full. Only where no reply is half way to its
// sink: they may send and be answered at once.
func (l *Link) wake() {
	if len(l.waiters) == 0 || len(l.buf)-l.head >= highWater/2 || l.ring.len() >= maxEntries/2 {
		return
	}
	waiters := l.waiters
	l.waiters = nil
	for _, w := range waiters {
		w.Unblocked()
	}
}
