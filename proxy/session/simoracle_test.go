package session_test

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/proxy/internal/sim"
	"github.com/atomicproxy/atomicproxy/proxy/session"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

const (
	uncertain   = "-UNCERTAIN "
	unavailable = "-UNAVAILABLE "
	tryAgain    = "-TRYAGAIN "
	queued      = "+QUEUED\r\n"
	execAbort   = "-EXECABORT "
)

// reply judges one whole reply or push.
func (c *player) reply(b []byte) {
	w := c.m.w
	if w.Traced() {
		w.Tracef("client %d gets %.120q", c.id, b)
	}
	if c.isMessage(b) {
		return
	}
	if len(c.queue) == 0 {
		w.Fail("client %d got a reply that it has not asked for: %.200q", c.id, b)
	}
	k := c.queue[0]
	c.queue = c.queue[1:]
	if w.Now()-k.at >= int64(c.m.up.Wait) {
		c.noteUpset() // what waits too long takes everything behind it along
	}
	if k.reply = b[0]; !c.right(k, b) {
		var last []string
		if k.mark != "" && w.Server.Records[k.mark] != nil {
			last = w.Server.Records[k.mark].Replies
		}
		w.Fail("client %d: wrong reply to %s %s: %.200q; the server's own: %.200q; kind %d text %q; %s",
			c.id, k.name, k.mark, b, last, k.kind, k.text, c.sess.Dump())
	}
	c.m.replies++
	c.learn(k, b)
}

var message = regexp.MustCompile("^[*>]3\r\n\\$7\r\nmessage\r\n\\$3\r\nch[01]\r\n\\$\\d+\r\nm\\d+\\.\\d+\\.\\d+\r\n$")

// isMessage reports whether b is a message of a channel, or a push that the
// client has to bear, and checks it.
func (c *player) isMessage(b []byte) bool {
	switch {
	case bytes.HasPrefix(b[1:], []byte("3\r\n$7\r\nmessage\r\n")):
		if !message.Match(b) || !c.everRaw {
			c.m.w.Fail("client %d got a message that cannot be its own: %q", c.id, b)
		}
		return true
	case string(b) == simPush:
		return true // perhaps sent while a HELLO 2 was on its way
	}
	return false
}

// right reports whether the rules allow the reply.
func (c *player) right(k *cmd, b []byte) bool {
	text := string(b)
	switch {
	case k.kind == quit:
		return text == "+OK\r\n"
	case c.m.srv.Password != "" && c.user == "" && k.name == "nosuch" && strings.HasPrefix(text, "-ERR unknown command '"):
		return true // said by the proxy
	case c.m.found && strings.HasPrefix(text, "-ERR Protocol error: unauthenticated "):
		c.noteUpset() // it closes the connection
		return true   // said by a server of which it was not known that it demands AUTH
	case text == noAuth && c.m.srv.Password != "" && c.user == "", text == wrongPass && c.m.rotated[c.user]:
		if !k.again { // what may be repeated may have run on an earlier connection
			c.notRun(k)
		}
		return k.kind != broken
	case strings.HasPrefix(text, uncertain):
		defer c.noteUpset()
		if k.block != nil && k.kind != exec && !k.raw && !c.sticky && !c.m.found {
			return false // nothing of a transaction can have run before EXEC
		}
		// WAIT says so too if another session has taken the connection over; and a
		// client that has ended its input has the upstream end the same way.
		return (c.upset(k) || k.kind == wait || c.eof) && (k.kind != refused || k.fails || c.sticky) && k.kind != broken
	case strings.HasPrefix(text, unavailable):
		c.notRun(k)
		defer c.noteUpset()
		// The end of the input breaks off a long command that was on its way; a server
		// of which it was not known that it demands AUTH, one over its limits.
		return (c.upset(k) || c.eof || c.m.found && c.user == "") && k.kind != broken
	case strings.HasPrefix(text, tryAgain) && (k.kind == custom || k.kind == stepwise || k.fails):
		if !k.again { // else it may have run before the connection was lost
			c.notRun(k)
		}
		return true
	}
	switch k.kind {
	case stepwise:
		return c.rightSteps(text)
	case exec:
		return c.rightExec(k, text)
	case multi:
		return text == "+OK\r\n"
	case hello, clientID, getName:
		return c.rightOwn(k, b)
	case refused:
		c.notRun(k)
		return text == k.text || k.block != nil && text == queued
	case broken:
		return text == k.text
	case auth:
		return k.text == text || k.text == "" && (text == "+OK\r\n" || text == wrongPass && c.m.rotated[k.arg])
	case reset:
		return text == "+RESET\r\n"
	case discard:
		return text == "+OK\r\n" || k.block.untold && text == "-ERR DISCARD without MULTI\r\n"
	case unwatch:
		return text == "+OK\r\n"
	}
	if k.block != nil && text == queued {
		return true
	}
	if k.text != "" {
		return text == k.text
	}
	rec := c.m.w.Server.Records[k.mark]
	if rec == nil || !slices.Contains(rec.Replies, text) {
		return false
	}
	return c.rightPlace(k, rec) && c.rightOrder(k, rec)
}

// rightOrder: a connection's commands run in their order. Reads that were sent
// again may have run before as well.
func (c *player) rightOrder(k *cmd, rec *sim.Record) bool {
	if k.again || k.block != nil || rec.Order == 0 {
		return true
	}
	before := c.lastOrder
	c.lastOrder = rec.Order
	return rec.Order > before
}

// rightPlace checks where a command ran: in the client's db and protocol, and as
// its user.
func (c *player) rightPlace(k *cmd, rec *sim.Record) bool {
	if k.kind == wait { // where the last write went: see checkWait
		return true
	}
	if rec.DB == c.db && rec.Proto == c.proto && rec.User == c.user {
		return true
	}
	c.m.w.Tracef("client %d is in db %d, RESP%d, user %q; %s %s ran in db %d, RESP%d, user %q",
		c.id, c.db, c.proto, c.user, k.name, k.mark, rec.DB, rec.Proto, rec.User)
	return false
}

// upset reports whether a connection was lost since the command was made up, or
// something of this client has waited for one longer than it may.
func (c *player) upset(k *cmd) bool {
	return c.m.w.Breaks > k.breaks || c.upsetAt >= k.at
}

func (c *player) noteUpset() { c.upsetAt = c.m.w.Now() }

// notRun notes that the client was told so.
func (c *player) notRun(k *cmd) {
	k.notRun = true
	if k.mark == "" {
		if k.kind == exec {
			k.block.notRun = true
		}
		if k.kind == multi {
			k.block.untold = true
		}
		return
	}
	// WAIT is asked on several connections, one after the other.
	if rec := c.m.w.Server.Records[k.mark]; rec != nil && rec.Runs > 0 && k.kind != wait {
		c.m.w.Fail("client %d was told that %s %s did not run, but it has", c.id, k.name, k.mark)
	}
}

// rightExec judges the reply to an EXEC.
func (c *player) rightExec(k *cmd, text string) bool {
	b := k.block
	rec := c.m.w.Server.Records["exec"+sim.Mark+c.idText()+"."+b.id]
	if rec != nil && slices.Contains(rec.Replies, text) {
		return true
	}
	switch {
	case strings.HasPrefix(text, execAbort):
		b.notRun = true
		return !b.ran && (b.poisoned || c.upset(b.begin))
	case text == "*-1\r\n" && c.proto == 2, text == "_\r\n" && c.proto == 3:
		b.notRun = true
		return !b.ran && (len(b.guards) > 0 && c.upset(b.guards[0]) || len(c.unended) > 0 && c.upset(c.unended[0]))
	case text == "-ERR EXEC without MULTI\r\n":
		b.notRun = true
		return !b.ran && b.untold
	}
	return false
}

var (
	numberReply = regexp.MustCompile(`^:\d+\r\n$`)
	removedText = regexp.MustCompile(`( \(it had removed (\d+|at least \d+ and at most \d+) keys\))?\r\n$`)
)

// rightSteps judges the reply to a PURGE in steps.
func (c *player) rightSteps(text string) bool {
	if numberReply.MatchString(text) {
		return true
	}
	stopped := strings.HasPrefix(text, "-ERR PURGE SWEEP was stopped: ") || strings.HasPrefix(text, "-ERR PURGE SNAPSHOT was stopped: its client ")
	denied := strings.HasPrefix(text, strings.TrimSpace(wrongPass)) && c.m.rotated[c.user] || strings.HasPrefix(text, strings.TrimSpace(noAuth)) && c.m.srv.Password != ""
	return removedText.MatchString(text) && (stopped && (c.eof || c.drained) || denied)
}

var idInHello = regexp.MustCompile(`\$2\r\nid\r\n:\d+\r\n`)

// rightOwn judges what the proxy answers from the session's own state.
func (c *player) rightOwn(k *cmd, b []byte) bool {
	rec := c.m.w.Server.Records[k.mark]
	if rec == nil {
		return false
	}
	if b[0] == '-' {
		return slices.Contains(rec.Replies, string(b))
	}
	switch k.kind {
	case clientID:
		id, err := strconv.ParseInt(strings.TrimSpace(string(b[1:])), 10, 64)
		return err == nil && b[0] == ':' && id >= session.FirstID
	case getName:
		want := "$-1\r\n"
		switch {
		case c.name != "":
			want = string(appendBulk(nil, c.name))
		case c.proto == 3:
			want = "_\r\n"
		}
		return string(b) == want
	}
	got := idInHello.ReplaceAllString(string(b), "id")
	return slices.ContainsFunc(rec.Replies, func(r string) bool { return idInHello.ReplaceAllString(r, "id") == got })
}

// learn notes what the reply says about the connection.
func (c *player) learn(k *cmd, b []byte) {
	ok := b[0] != '-'
	switch k.kind {
	case exec, discard, unwatch, reset:
		// What was not carried out has ended no WATCH: a lost one still guards the next EXEC.
		if ok || bytes.HasPrefix(b, []byte(execAbort)) {
			c.unended = nil
		} else {
			c.unended = append(c.unended, k.ends...)
		}
	}
	if k.write && ok && k.block == nil {
		c.lastWrite, c.wroteAt = k, c.m.w.Breaks
	} else if k.write || k.kind == exec || k.kind == wait && !ok {
		c.lastWrite = nil
	}
	if !ok || string(b) == queued {
		return
	}
	switch k.kind {
	case exec:
		if k.block.db != "" && b[0] == '*' && b[1] != '-' {
			c.db = int(k.block.db[0] - '0')
		}
	case reset:
		c.db, c.proto, c.name, c.user = 0, 2, "", ""
	case selectDB:
		c.db = int(k.arg[0] - '0')
	case hello:
		c.proto = int(k.arg[0] - '0')
	case auth:
		c.user = k.arg
	case setName:
		c.name = k.arg
	case wait:
		c.checkWait(k)
	}
}

// checkWait: WAIT speaks of the writes of the connection that it is sent on.
func (c *player) checkWait(k *cmd) {
	if c.lastWrite == nil || c.wroteAt != c.m.w.Breaks {
		return
	}
	recs := c.m.w.Server.Records
	if w := recs[c.lastWrite.mark]; w != nil && !slices.Contains(recs[k.mark].Conns, w.Conn) {
		c.m.w.Fail("client %d: WAIT %s was sent on connections %v, the write %s on %d", c.id, k.mark, recs[k.mark].Conns, c.lastWrite.mark, w.Conn)
	}
}

// appendBulk is a bulk string.
func appendBulk(dst []byte, s string) []byte {
	return append(append(dst, "$"+itoa(len(s))+"\r\n"...), s+"\r\n"...)
}

var _ upstream.World = (*sim.World)(nil)
