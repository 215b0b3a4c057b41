package session_test

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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
	if k.reply = b[0]; !c.right(k, b) {
		var last []string
		if k.mark != "" && w.Server.Records[k.mark] != nil {
			last = w.Server.Records[k.mark].Replies
		}
		w.Fail("client %d: wrong reply to %s %s: %.200q; the server's own: %.200q; kind %d text %q",
			c.id, k.name, k.mark, b, last, k.kind, k.text)
	}
	c.m.replies++
	c.learn(k, b)
}

// isMessage reports whether b is a message of a channel, and checks it.
func (c *player) isMessage(b []byte) bool {
	return c.raw && (bytes.HasPrefix(b, []byte("*3\r\n$7\r\nmessage\r\n")) || bytes.HasPrefix(b, []byte(">3\r\n$7\r\nmessage\r\n")))
}

// right reports whether the rules allow the reply.
func (c *player) right(k *cmd, b []byte) bool {
	text := string(b)
	switch {
	case strings.HasPrefix(text, uncertain):
		defer c.noteUpset()
		if k.block != nil && k.kind != exec && !k.raw {
			return false // nothing of a transaction can have run before EXEC
		}
		// WAIT says so too if another session has taken the connection over; and a
		// client that has ended its input has the upstream end the same way.
		return (c.upset(k) || k.kind == wait || c.eof) && (k.kind != refused || k.fails) && k.kind != broken
	case strings.HasPrefix(text, unavailable):
		c.notRun(k)
		defer c.noteUpset()
		// On a connection that another session has taken over for WAIT, that
		// session's patience ends everybody's.
		// The end of the input breaks off a long command that was on its way.
		return (c.upset(k) || c.m.somebodyWaits() || c.eof) && k.kind != broken
	case strings.HasPrefix(text, tryAgain) && (k.kind == custom || k.fails):
		c.notRun(k)
		return true
	}
	switch k.kind {
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
		return k.text == text || k.text == "" && text == "+OK\r\n"
	case quit:
		return text == "+OK\r\n"
	case discard, unwatch:
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
	return c.rightPlace(k, rec)
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
	return c.m.w.Breaks > k.breaks || c.m.w.Now()-c.oldest >= int64(c.m.up.Wait) || c.upsetAt >= k.at
}

// somebodyWaits reports whether any client has waited longer than it may.
func (m *match) somebodyWaits() bool {
	for _, c := range m.players {
		if !c.closed && m.w.Now()-c.oldest >= int64(m.up.Wait) {
			return true
		}
	}
	return false
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
	if rec := c.m.w.Server.Records[k.mark]; rec != nil && rec.Runs > 0 {
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
		return !b.ran && len(b.guards) > 0 && c.upset(b.guards[0])
	case text == "-ERR EXEC without MULTI\r\n":
		b.notRun = true
		return !b.ran && b.untold
	}
	return false
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
	if k.write && ok && k.block == nil {
		c.lastWrite, c.wroteAt = k, c.m.w.Breaks
	} else if k.write || k.kind == exec {
		c.lastWrite = nil
	}
	if !ok || string(b) == queued {
		return
	}
	switch k.kind {
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
	if w := recs[c.lastWrite.mark]; w != nil && w.Conn != recs[k.mark].Conn {
		c.m.w.Fail("client %d: WAIT %s was sent on connection %d, the write %s on %d", c.id, k.mark, recs[k.mark].Conn, c.lastWrite.mark, w.Conn)
	}
}

// seen is what the oracle knows of one connection of the server.
type seen struct {
	greeted bool
	client  string // whose marked command came last
	named   bool   // a name was set on a shared connection and must come off at once
}

// before judges every command that reaches the server.
func (m *match) before(p *sim.Peer, k *sim.Call) {
	s, _ := m.peers[p.ID]
	if s == nil {
		s = &seen{}
		m.peers[p.ID] = s
	}
	l := link(p)
	if !s.greeted {
		s.greeted = k.Name == "evalsha" || k.Name == "evalsha_ro"
		if k.Mark != "" {
			m.w.Fail("%s %s came before the connection's greeting was over", k.Name, k.Mark)
		}
		return
	}
	if k.Name == "multi" && !p.Multi && len(p.Watches()) == 0 && len(p.Subs) == 0 {
		s.client = "" // whoever comes next: MULTI tells nothing
	}
	client, _, _ := strings.Cut(strings.TrimPrefix(k.Mark, sim.Mark), ".")
	if l != nil && l.Shared() {
		m.onShared(p, k, s)
	} else if client != "" && s.client != "" && client != s.client && (p.Multi || len(p.Watches()) > 0 || len(p.Subs) > 0) {
		m.w.Fail("%s %s came on a connection that client %s has left in MULTI %v, watching %v, subscribed to %v",
			k.Name, k.Mark, s.client, p.Multi, p.Watches(), p.Subs)
	}
	if client != "" {
		s.client = client
	}
	c := m.cmds[k.Mark]
	if c == nil {
		return
	}
	rec := m.w.Server.Records[k.Mark]
	switch {
	case c.kind == refused:
		m.w.Fail("%s %s was to be refused and reached the server", c.name, c.mark)
	case rec != nil && rec.Runs > 0 && !c.again:
		m.w.Fail("%s %s was sent again although it has run", c.name, c.mark)
	case c.notRun:
		m.w.Fail("%s %s reached the server after the client was told that it was not run", c.name, c.mark)
	case c.block != nil && !p.Multi && c.kind != discard && c.name != "nosuch":
		m.w.Fail("%s %s belongs to a transaction and came outside of one", c.name, c.mark)
	}
}

// onShared judges a command on a connection that clients share.
func (m *match) onShared(p *sim.Peer, k *sim.Call, s *seen) {
	switch k.Name {
	case "watch", "unwatch", "select", "auth", "hello", "reset", "subscribe", "unsubscribe", "blpop", "modstate", "wait", "quit", "discard":
		m.w.Fail("%s %s came on the shared connection %d", k.Name, k.Mark, p.ID)
	case "client":
		sub := strings.ToLower(k.Args[1])
		if sub == "reply" {
			m.w.Fail("CLIENT REPLY %s came on the shared connection %d", k.Mark, p.ID)
		}
		if sub == "setname" {
			s.named = k.Args[2] != ""
			return
		}
	}
	if s.named {
		m.w.Fail("the shared connection %d still has a client's name when %s %s comes", p.ID, k.Name, k.Mark)
	}
	if p.Multi && k.Mark != "" && s.client != "" && !strings.HasPrefix(k.Mark, sim.Mark+s.client+".") {
		m.w.Fail("%s %s came into the transaction of client %s on a shared connection", k.Name, k.Mark, s.client)
	}
}

// executed judges every transaction that runs.
func (m *match) executed(p *sim.Peer, id string, queue []*sim.Call) {
	b := m.blocks[id]
	if b == nil {
		return
	}
	switch {
	case b.ran:
		m.w.Fail("transaction %s ran twice", id)
	case b.notRun:
		m.w.Fail("transaction %s ran although the client was told that it did not", id)
	case b.poisoned:
		m.w.Fail("transaction %s ran although a command of it was refused", id)
	case len(queue) != len(b.cmds):
		m.w.Fail("transaction %s ran with %d of %d commands", id, len(queue), len(b.cmds))
	}
	b.ran = true
	for i, q := range queue {
		if b.cmds[i] != nil && q.Mark != b.cmds[i].mark {
			m.w.Fail("transaction %s ran %s in the place of %s", id, q.Mark, b.cmds[i].mark)
		}
	}
	for _, g := range b.guards {
		if !slices.Contains(p.Watches(), g.arg) && !(g.reply == '-' && g.notRun) {
			m.w.Fail("transaction %s ran without its WATCH %s of %s", id, g.mark, g.arg)
		}
	}
}

// closed judges the end of a client's connection.
func (m *match) closed(c *player) {
	lost := m.w.Breaks > c.bornAt
	switch r := c.reason; {
	case r == session.ClientReset:
	case r == session.ClientEOF && (c.eof || c.quits), r == session.ClientQuit && c.quits, r == session.ProtocolError && c.quits:
		if len(c.queue) > 0 && !lost && !c.eof && !(c.raw && c.m.up.Wait < time.Second) {
			m.w.Fail("client %d was closed (%s) with %d commands unanswered, first %s %s", c.id, r, len(c.queue), c.queue[0].name, c.queue[0].mark)
		}
	case r == session.UpstreamLost && (lost || c.quits || c.raw || c.m.up.Wait < time.Second):
	default:
		m.w.Fail("client %d was closed for no good reason: %s", c.id, r)
	}
	m.gone++
}

// tally checks at the end what ran how often.
func (m *match) tally() {
	for mark, rec := range m.w.Server.Records {
		c := m.cmds[mark]
		if c == nil {
			continue
		}
		if rec.Runs > 1 && !c.again {
			m.w.Fail("%s %s ran %d times", c.name, mark, rec.Runs)
		}
		if rec.Runs > 0 && (c.notRun || c.block != nil && c.kind != discard && c.block.notRun) {
			m.w.Fail("%s %s ran although the client was told that it did not", c.name, mark)
		}
	}
}

// appendBulk is a bulk string.
func appendBulk(dst []byte, s string) []byte {
	return append(append(dst, "$"+itoa(len(s))+"\r\n"...), s+"\r\n"...)
}

var _ upstream.World = (*sim.World)(nil)
