package session

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// FirstID is the lowest id of a session: above every id that an upstream gives
// its connections, so that no client can take one for the other.
const FirstID = 1 << 40

// Directory finds sessions by the ids that CLIENT ID and HELLO gave them, over
// all loops.
type Directory struct {
	entries sync.Map // int64 to *listing
	last    atomic.Int64
}

// listing is what other sessions may know of one.
type listing struct {
	id   int64
	link atomic.Pointer[upstream.Link] // the session's own; nil: it has none
	kill func()                        // on any goroutine
}

// add lists a session. kill ends it, on whatever goroutine.
func (d *Directory) add(kill func()) *listing {
	l := &listing{id: FirstID + d.last.Add(1), kill: kill}
	d.entries.Store(l.id, l)
	return l
}

func (d *Directory) remove(l *listing) { d.entries.Delete(l.id) }

func (d *Directory) find(id int64) *listing {
	if l, ok := d.entries.Load(id); ok {
		return l.(*listing)
	}
	return nil
}

// listed finds the session that an argument names by its id.
func (s *Session) listed(arg []byte) *listing {
	id, err := strconv.ParseInt(string(arg), 10, 64)
	if err != nil || id < FirstID {
		return nil
	}
	return s.env.Directory.find(id)
}

// peer is the upstream's id of the session's own connection; 0: it has none.
func (l *listing) peer() int64 {
	if link := l.link.Load(); link != nil {
		return link.PeerID()
	}
	return 0
}

// translate puts upstream ids in the place of sessions' ids, where the command
// has one: CLIENT UNBLOCK id, CLIENT TRACKING … REDIRECT id. It returns the frame
// to send.
func (s *Session) translate(c *command) []byte {
	if c.argc < 3 || !bytes.EqualFold(c.arg(0), []byte("client")) {
		return c.frame
	}
	args := c.args(nil)
	at := 0
	switch {
	case bytes.EqualFold(args[1], []byte("unblock")):
		at = 2
	case bytes.EqualFold(args[1], []byte("tracking")):
		for i := 2; i+1 < len(args); i++ {
			if isWord(args[i], "redirect") {
				at = i + 1
			}
		}
	}
	if at == 0 {
		return c.frame
	}
	other := s.listed(args[at])
	if other == nil || other.peer() == 0 {
		return c.frame // the upstream says that it does not know it
	}
	args[at] = strconv.AppendInt(nil, other.peer(), 10)
	return resp.AppendCommand(nil, args...)
}

// sendKill sends CLIENT KILL ID of a session's id. The upstream, which has no
// such connection, judges whether the user may; then the session is ended.
func (s *Session) sendKill(c *command) bool {
	victim := killed(c.args(nil))
	if victim == nil || s.listed(victim) == nil {
		return s.sendOvertaking(c.frame)
	}
	if s.inflight > 0 {
		s.held |= heldIdle
		return false
	}
	s.victim = s.listed(victim)
	if !s.pinned { // one's own connection has nothing in flight
		s.join(upstream.Key{Identity: s.identity(), Overtaking: true})
		s.detour = true
	}
	if !s.send(c.frame, upstream.Inspect, tagKill) {
		return false
	}
	s.held |= heldIdle
	return true
}

// killed returns the id in CLIENT KILL ID id [SKIPME yes|no]; nil for every
// other form, and for SKIPME yes, which is the default, of one's own.
func killed(args [][]byte) []byte {
	if len(args) != 4 && (len(args) != 6 || !isWord(args[4], "skipme")) {
		return nil
	}
	if !bytes.EqualFold(args[1], []byte("kill")) || !bytes.EqualFold(args[2], []byte("id")) {
		return nil
	}
	return args[3]
}

// answerKill ends the session that was named, if the upstream has nothing
// against it.
func (s *Session) answerKill(reply, frame []byte) {
	c := command{frame: frame}
	args := c.args(nil)
	own := s.victim == s.listing
	skip := own && !(len(args) == 6 && bytes.EqualFold(args[5], []byte("no")))
	if reply[0] != ':' || skip {
		s.client.Send(reply)
		return
	}
	s.client.SendString(":1\r\n")
	if own {
		s.ending = true
		s.client.Finish(Killed)
		return
	}
	s.victim.kill()
}

// Kill ends the session at once.
func (s *Session) Kill() {
	if !s.gone {
		s.client.Abort(Killed)
	}
}

func isKill(v *verb, c *command) bool {
	return v.op == commands.OpOvertake && bytes.EqualFold(c.arg(1), []byte("kill")) && bytes.EqualFold(c.arg(0), []byte("client"))
}
