package session

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// WAIT and WAITAOF speak of the writes of the connection that they are sent on.
// From Redis 8.0 and Valkey 8.0 on a connection has an offset only by a write
// that changed something; any other would promise what it does not know. So WAIT
// goes to the very connections that carried the session's writes, one after
// another, and the least of their answers is the session's.

// carrier is a connection that carried writes of the session.
type carrier struct {
	link  *upstream.Link
	epoch uint32
}

// maxCarriers bounds how many connections a session remembers.
const maxCarriers = 4

// waiting is what a session knows of its writes since the last WAIT.
type waiting struct {
	carriers []carrier // the last one carried the last write
	lost     bool      // some are not known any more
	done     bool      // WAIT has answered for all of them
	at       int       // carriers that the WAIT under way has asked
	failed   bool      // one of those gave an error
	least    [2]int64  // of their answers: WAITAOF has two numbers
}

// wroteOn notes where a write goes.
func (s *Session) wroteOn() { s.wroteOver(carrier{s.link, s.link.Epoch()}) }

// wroteOver is wroteOn for any connection.
func (s *Session) wroteOver(c carrier) {
	w := &s.writes
	if w.done {
		*w = waiting{carriers: w.carriers[:0]}
	}
	if n := len(w.carriers); n > 0 && w.carriers[n-1] == c {
		return
	}
	for i, old := range w.carriers {
		if old.link == c.link {
			w.lost = w.lost || old.epoch != c.epoch
			w.carriers = slices.Delete(w.carriers, i, i+1)
			break
		}
	}
	if len(w.carriers) == maxCarriers {
		w.carriers, w.lost = w.carriers[1:], true
	}
	w.carriers = append(w.carriers, c)
}

// sendWait sends WAIT on one of the connections that carried writes; a shared one
// becomes the session's own for it, and the others get a new one. While there
// are more to ask, the command is not taken.
func (s *Session) sendWait(frame []byte) bool {
	w := &s.writes
	if s.inflight > 0 && !s.raw { // a transaction may be about to end
		s.held |= heldIdle
		return false
	}
	if s.raw || s.mayBeInMulti() || len(w.carriers) == 0 && !w.lost {
		return s.pin(upstream.Exact) && s.send(frame, upstream.Inspect, tagBlock)
	}
	if w.lost || !s.carry(w.carriers[w.at]) {
		s.local(w.forget())
		return true
	}
	last := w.at == len(w.carriers)-1
	tag := tagWait
	if !last {
		tag = tagWaitPart
	}
	if !s.send(frame, upstream.Inspect, tag) {
		return false
	}
	// The connection may be that of another db or user: what follows goes to the
	// session's own again.
	s.held |= heldIdle
	return last
}

// forget gives up on the writes so far, and returns what WAIT answers then.
func (w *waiting) forget() string {
	w.lost, w.done, w.failed, w.at = true, true, false, 0
	return lostOffset
}

// carry makes the connection the session's own.
func (s *Session) carry(c carrier) bool {
	switch {
	case c.epoch != c.link.Epoch():
		return false
	case s.pinned:
		return s.link == c.link
	case !s.env.Links.TakeOver(c.link, s):
		return false
	}
	s.own(c.link)
	return true
}

// answerWait takes the answer of one connection; of the last, it answers the
// client.
func (s *Session) answerWait(tag uint8, reply, frame []byte) {
	w := &s.writes
	n := waitNumbers(reply)
	if n != nil && w.at > 0 {
		for i := range n {
			n[i] = min(n[i], w.least[i])
		}
	}
	if tag == tagWaitPart {
		w.at++
		if copy(w.least[:], n) == 0 {
			w.at, w.failed = len(w.carriers)-1, true // the last one is likely to say the same
		}
		return
	}
	if n != nil && w.failed { // it did not: the connections are of different users
		s.client.SendString(w.forget())
		return
	}
	w.at, w.failed = 0, false
	if n == nil {
		s.client.Send(reply)
		return
	}
	c := command{frame: frame}
	args := c.args(nil)
	w.done = true
	for i := range n {
		asked, err := strconv.ParseInt(string(args[1+i]), 10, 64)
		w.done = w.done && err == nil && asked > 0 && n[i] >= asked
	}
	s.client.Send(appendNumbers(nil, n))
}

// waitNumbers reads the reply of WAIT, a number, or of WAITAOF, two; nil: it is
// neither.
func waitNumbers(reply []byte) []int64 {
	lines := bytes.Split(bytes.TrimSuffix(reply, []byte("\r\n")), []byte("\r\n"))
	if string(lines[0]) == "*2" {
		lines = lines[1:]
	}
	var n []int64
	for _, l := range lines {
		v, err := strconv.ParseInt(string(bytes.TrimPrefix(l, []byte(":"))), 10, 64)
		if err != nil || l[0] != ':' || len(n) == len(waiting{}.least) {
			return nil
		}
		n = append(n, v)
	}
	return n
}

func appendNumbers(dst []byte, n []int64) []byte {
	if len(n) == 2 {
		dst = append(dst, "*2\r\n"...)
	}
	for _, v := range n {
		dst = append(strconv.AppendInt(append(dst, ':'), v, 10), "\r\n"...)
	}
	return dst
}
