package upstream

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// greeter follows the commands that a new network connection begins with.
type greeter struct {
	left   int  // replies of the identity's commands still to come; the marker's follows
	asksID bool // CLIENT ID was sent too, and its reply has not come
	loads  int  // times that the catalogue was loaded for this connection
}

// maxLoads bounds how often a connection's marker may be missing: somebody
// flushes the script cache faster than it is filled.
const maxLoads = 5

// append adds the commands that bring a connection to the identity.
func (id *Identity) append(dst []byte) ([]byte, int) {
	n := 0
	add := func(args ...string) {
		dst = resp.AppendCommandStrings(dst, args...)
		n++
	}
	if id.Auth {
		if id.User == "" {
			add("AUTH", id.Password)
		} else {
			add("AUTH", id.User, id.Password)
		}
	}
	dst, more := id.change(Identity{}, dst)
	return dst, n + more
}

// change adds the commands that lead from one identity to another of the same
// user.
func (id *Identity) change(from Identity, dst []byte) ([]byte, int) {
	n := 0
	add := func(args ...string) {
		dst = resp.AppendCommandStrings(dst, args...)
		n++
	}
	if (id.Proto == 3) != (from.Proto == 3) {
		if id.Proto == 3 {
			add("HELLO", "3")
		} else {
			add("HELLO", "2")
		}
	}
	if id.DB != from.DB {
		add("SELECT", strconv.Itoa(id.DB))
	}
	if id.Name != from.Name {
		add("CLIENT", "SETNAME", id.Name)
	}
	if id.LibName != from.LibName {
		add("CLIENT", "SETINFO", "LIB-NAME", id.LibName)
	}
	if id.LibVersion != from.LibVersion {
		add("CLIENT", "SETINFO", "LIB-VER", id.LibVersion)
	}
	return dst, n
}

// beginGreeting sends the identity's commands and the marker in one write and
// holds everything else until their replies have come.
func (l *Link) beginGreeting() {
	l.state = greeting
	l.scan.Reset()
	l.hold, l.midway = nil, false
	l.greet = greeter{}
	b, n := l.identity.append(nil)
	l.greet.left = n
	if l.owner != nil {
		b = append(b, clientID...)
		l.greet.asksID = true
	}
	b = l.appendMarker(b)
	l.limit = l.env.World.After(l.env.DialTimeout, func() {
		l.limit = nil
		l.greetingFailed(errGreeting)
	})
	l.conn.Write(b) // a few hundred bytes into an empty socket buffer
}

// appendMarker adds the command that shows whether the scripts are there. Where
// there are none to be had a PING still shows whether we are let in.
func (l *Link) appendMarker(dst []byte) []byte {
	dst, ok := l.env.Scripts.AppendMarker(dst)
	if !ok {
		dst = resp.AppendCommandStrings(dst, "PING")
	}
	return dst
}

// greeted takes the replies to the greeting and returns what follows them.
func (l *Link) greeted(b []byte) []byte {
	for len(b) > 0 && l.state == greeting {
		n, done, err := l.scan.Next(b)
		if err != nil {
			l.greetingFailed(err)
			return nil
		}
		l.hold = append(l.hold, b[:n]...)
		b = b[n:]
		if !done {
			return nil
		}
		reply := l.hold
		l.hold = nil
		if l.scan.Type() != '>' {
			l.greetingReply(reply)
		}
	}
	return b
}

func (l *Link) greetingReply(reply []byte) {
	failed := reply[0] == '-'
	switch {
	case failed && bytes.HasPrefix(reply, []byte("-ERR max number of clients")):
		// Said before anything was asked, in the first reply's place.
		l.greetingFailed(errors.New(string(reply)))
	case l.greet.left == 0 && l.greet.asksID:
		// A user who may not ask does without.
		l.greet.asksID = false
		l.learnPeer(reply)
	case l.greet.left == 0:
		l.markerReply(reply, failed)
	case failed && notNow(reply):
		l.greetingFailed(errors.New(string(reply)))
	case failed:
		l.refused(string(bytes.TrimRight(reply, "\r\n")))
	default:
		l.greet.left--
	}
}

// clientID asks for the upstream's id of the connection.
var clientID = resp.AppendCommandStrings(nil, "CLIENT", "ID")

// learnPeer takes the answer. Some users may not ask.
func (l *Link) learnPeer(reply []byte) {
	if id, err := strconv.ParseInt(string(bytes.TrimSpace(reply[1:])), 10, 64); err == nil && reply[0] == ':' {
		l.peer.Store(id)
	}
}

// notNow reports whether an error says nothing of the identity, only that the
// upstream cannot be bothered at present.
func notNow(line []byte) bool {
	for _, code := range [...]string{"-BUSY", "-LOADING", "-MASTERDOWN", "-CLUSTERDOWN", "-TRYAGAIN"} {
		if bytes.HasPrefix(line, []byte(code)) {
			return true
		}
	}
	return false
}

// markerReply is the verdict on the scripts. Anything but NOSCRIPT lets the
// connection be used: LOADING, BUSY, NOPERM are the upstream's own answers, that
// each command will get as well.
func (l *Link) markerReply(reply []byte, failed bool) {
	switch {
	case failed && bytes.HasPrefix(reply, []byte("-NOSCRIPT")):
		if l.greet.loads++; l.greet.loads > maxLoads || l.env.flushed() {
			l.becomeReady() // a missing script heals itself at its first use
			return
		}
		conn := l.conn
		l.env.Scripts.Load("", func(err error) {
			if err == nil {
				l.env.loaded, l.env.everLoaded = l.env.World.Now(), true
			}
			if l.conn != conn || l.state != greeting {
				return
			}
			if err != nil {
				l.becomeReady()
				return
			}
			l.conn.Write(l.appendMarker(nil))
		})
	case failed && bytes.HasPrefix(reply, []byte("-NOAUTH")) && !l.identity.Auth:
		l.env.AuthRequired()
		if l.owner == nil {
			// Nobody may use it: what waits is answered, and those who come next
			// know already.
			l.drop()
			l.turnAway(string(reply))
			l.wake()
			return
		}
		if !l.raw && !l.introduces() {
			// Before authentication nothing else goes up: a frame over the limits
			// would have the connection closed.
			l.turnAway(string(reply))
		}
		if l.state != ended {
			l.becomeReady()
		}
	default:
		l.becomeReady()
	}
}

// introduces reports whether what waits first is AUTH or HELLO.
func (l *Link) introduces() bool {
	var scan resp.Requests
	lim := resp.DefaultLimits()
	frame := l.buf[l.queue():]
	if n, err := scan.Next(frame, &lim); err != nil || n == 0 {
		return false
	}
	name := scan.Arg(frame, 0)
	return bytes.EqualFold(name, []byte("auth")) || bytes.EqualFold(name, []byte("hello"))
}

func (l *Link) becomeReady() {
	l.state = ready
	l.epoch++
	l.backoff = 0
	l.env.Stats.Connects++
	if l.limit != nil {
		l.limit.Stop()
		l.limit = nil
	}
	if l.expiry != nil {
		l.expiry.Stop()
		l.expiry = nil
	}
	l.dropGone()
	if l.reap(); l.state != ready {
		return
	}
	l.touch()
	l.wake()
}

// greetingFailed gives this network connection up and tries another later.
func (l *Link) greetingFailed(error) {
	l.env.Stats.DialErrors++
	l.drop()
	l.retry()
}

// refused: the identity is not the upstream's any more. The owner is told; of a
// shared link everybody who is on it.
func (l *Link) refused(line string) {
	l.env.Stats.DialErrors++
	l.drop()
	if l.owner != nil {
		l.turnAway(line + "\r\n")
		owner := l.owner
		l.Close()
		owner.Refused(line)
		return
	}
	l.turnAway(line + "\r\n")
	l.cold = true // the next one who asks makes it try again, after a pause
	if l.ring.len() > 0 {
		l.touch()
	}
	l.wake()
	l.members.refused(line)
}

// turnAway answers everything that waits with the text.
func (l *Link) turnAway(text string) {
	l.state, l.settling = down, true
	l.fail(text)
	l.settling = false
}
