package session_test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/sim"
	"github.com/atomicproxy/atomicproxy/proxy/session"
)

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
	case c.block != nil && !p.Multi && c.kind != discard && c.name != "nosuch" && (m.srv.Password == "" || p.User != ""):
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
		tired := c.raw && m.w.Now()-c.heardAt >= int64(m.up.Wait) // of waiting for its own connection
		if len(c.queue) > 0 && !lost && !c.eof && !tired {
			m.w.Fail("client %d was closed (%s) with %d commands unanswered, first %s %s", c.id, r, len(c.queue), c.queue[0].name, c.queue[0].mark)
		}
	case r == session.Draining && (c.drained || c.sticky && lost):
	case r == session.UpstreamDenied && len(m.rotated) > 0:
	case r == session.UpstreamLost && (lost || c.quits || c.raw || c.m.up.Wait < time.Second):
	case r == session.UpstreamLost && slices.ContainsFunc(c.queue, func(k *cmd) bool { return k.kind == reset }):
		// What waits to be sent again is still of the identity that RESET ends.
	default:
		m.w.Fail("client %d was closed for no good reason: %s", c.id, r)
	}
	m.gone++
}

// tally checks at the end what ran how often.
func (m *match) tally() {
	acked, unsure := map[string]int{}, map[string]int{}
	for mark, c := range m.cmds {
		rec := m.w.Server.Records[mark]
		if c.name == "incr" {
			switch {
			case c.block != nil && rec != nil:
				acked[c.arg] += rec.Runs
			case c.reply == ':':
				acked[c.arg]++
			case !c.notRun:
				unsure[c.arg]++ // in doubt, or never answered
			}
		}
		if rec == nil {
			continue
		}
		if rec.Runs > 1 && !c.again {
			m.w.Fail("%s %s ran %d times", c.name, mark, rec.Runs)
		}
		if rec.Runs > 0 && c.kind != wait && (c.notRun || c.block != nil && c.kind != discard && c.block.notRun) {
			m.w.Fail("%s %s ran although the client was told that it did not", c.name, mark)
		}
	}
	for i := 0; i < 3 && !m.wiped; i++ {
		key, value := "n"+itoa(i), 0
		for db := range 4 {
			text, _ := m.srv.Get(db, key)
			n, _ := strconv.Atoi(text)
			value += n
		}
		if value < acked[key] || value > acked[key]+unsure[key] {
			m.w.Fail("%s is %d in all; %d were acknowledged, %d more are in doubt", key, value, acked[key], unsure[key])
		}
	}
}
