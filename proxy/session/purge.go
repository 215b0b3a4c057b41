package session

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

const (
	stepsInMulti = "-ERR PURGE with SNAPSHOT or SWEEP is not allowed inside a transaction: it takes many steps\r\n"
	stepsRaw     = "-DENIED PURGE with SNAPSHOT or SWEEP is not run for a connection that holds state of its own, such as subscriptions: use another one\r\n"
	tooManyFound = "-LIMIT more keys match than LIMIT allows; nothing was removed\r\n"
	tooLongFound = "-LIMIT the names of the matches are longer than rewrite.max or client.input_total allow; nothing was removed\r\n"
	tooLongPage  = "-LIMIT key names are too long to be looked at"
	oddReply     = "-ERR the upstream's reply was not understood"
	lfuPolicy    = "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
)

// Why a PURGE in steps is stopped.
const (
	purgeCancelled = "was cancelled"
	purgeForsaken  = "was stopped: its client ended the connection"
	purgeDrained   = "was stopped: the proxy shuts down; send it again to go on"
)

const (
	// purgePatience is how long a PURGE in steps waits for an upstream that does
	// not answer, or is busy, once it has begun.
	purgePatience = time.Minute
	purgePause    = 100 * time.Millisecond // between the attempts
	// maxRestarts bounds how often it begins again without having removed a key in
	// between.
	maxRestarts = 20
	purgeLogged = 5 * time.Second // between the lines in the log
	// keyCost is what a found key takes beside its name, in bytes.
	keyCost = 64
)

// What a purge asks the upstream: the tags of its commands.
const (
	askNothing uint8 = iota
	askSize          // DBSIZE
	askPolicy        // INFO memory: is there an idle time?
	askScan
	askMatch
	askRemove
	askDone // nothing is left to ask
)

// A purge carries out a PURGE with SNAPSHOT or SWEEP, on a connection of its own
// as the client's user. It finds a page of keys and has a script remove those that
// match, again and again; with SNAPSHOT it finds them all first. The client waits
// for it, and it ends with its client.
//
// When its connection is lost it begins again from the start: cursors are worth
// nothing on another server, which may have taken the place of the first. What was
// removed stays counted. A removal whose reply was lost makes the count uncertain,
// and the reply says between which bounds it is.
type purge struct {
	s       *Session
	env     *Env
	plan    *commands.Steps
	link    *upstream.Link
	call    string // as the client sent it, fit for a log
	began   int64  // loop time
	logged  int64
	listing *purging
	pace    pace

	asked  uint8 // what is in flight
	used   int   // keys of it
	sentAt int64
	timed  bool // the link was connected then

	inGate bool
	ticket *Ticket
	timer  upstream.Timer // a pause
	heals  bool           // the scripts are being loaded
	missed int            // times in a row that a script was missing

	sized, checked bool
	cursor         []byte   // "0": at the beginning
	scanned        bool     // to the end
	page           [][]byte // of the last page, what is still to be matched or removed
	found          [][]byte // SNAPSHOT: what matches
	seen           map[string]struct{}
	held           int // bytes of found, as counted in Env.Buffered

	removed  int
	doubt    int  // keys of removals without a reply
	wrote    bool // a removal had a reply
	epoch    uint32
	offsets  bool // removals went over several connections
	answered bool // the upstream has ever answered
	troubled int64
	restarts int
	complete bool   // SNAPSHOT: the one removal is done
	stop     string // why it is to end after this step
	over     bool
}

// beginPurge starts a PURGE in steps. What the client sends behind it waits.
func (s *Session) beginPurge(plan *commands.Steps, c *command) bool {
	switch {
	case s.raw:
		return s.refuse(stepsRaw)
	case s.inflight > 0: // an EXEC may be among it: only then it is known whether this is in a transaction
		s.held |= heldIdle
		return false
	case s.mayBeInMulti():
		return s.refuse(stepsInMulti)
	case plan.Nothing():
		s.local(":0\r\n")
		return true
	case !s.env.Gate.Begin(s.state.db):
		s.local(queueFull)
		return true
	}
	p := &purge{s: s, env: s.env, plan: plan, pace: newPace(s.env.PurgeStep), call: commands.Printable(c.args(nil))}
	if p.link = s.env.Links.Pin(s.identity(), p, upstream.Exact); p.link == nil {
		s.env.Gate.End(s.state.db)
		s.local(tooManyLinks)
		return true
	}
	p.began = p.now()
	p.logged = p.began
	p.listing = &purging{mode: strings.ToLower(plan.Mode()), pattern: strings.ReplaceAll(plan.Pattern(), " ", `\x20`), client: s.address(),
		user: s.user(), db: s.state.db, began: time.Now(),
		cancel: func() { s.env.Post(func() { p.cancel(purgeCancelled) }) }}
	s.env.Purges.add(p.listing)
	s.env.Counts.Custom++
	s.env.Counts.Purging++
	s.purge = p
	s.inflight++
	s.held |= heldIdle
	p.restart()
	p.next()
	return true
}

func (p *purge) now() int64 { return p.env.Links.World().Now() }

// restart forgets what was found. What was removed stays counted.
func (p *purge) restart() {
	p.sized, p.checked, p.cursor, p.scanned = false, false, []byte("0"), false
	p.page, p.found, p.seen = nil, nil, nil
	p.env.Buffered -= p.held
	p.held = 0
	p.listing.scanned.Store(0)
}

// want is what comes next.
func (p *purge) want() uint8 {
	switch {
	case p.complete:
		return askDone
	case !p.sized:
		return askSize
	case p.plan.ByIdle() && !p.checked:
		return askPolicy
	case len(p.page) > 0 && p.plan.Sweep && !p.plan.DryRun:
		return askRemove
	case len(p.page) > 0:
		return askMatch
	case !p.scanned:
		return askScan
	case len(p.found) > 0 && p.plan.DryRun:
		return askMatch
	case len(p.found) > 0:
		return askRemove
	}
	return askDone
}

// next asks for what comes next, once the gate lets it.
func (p *purge) next() {
	if p.over || p.asked != askNothing || p.ticket != nil || p.timer != nil || p.heals {
		return
	}
	what := p.want()
	switch {
	case what == askDone:
		p.finish(p.total())
		return
	case p.stop != "":
		p.finish(p.failed("-ERR " + p.label() + " " + p.stop))
		return
	case what >= askScan && !p.inGate:
		entered, ticket := p.env.Gate.EnterStep(p.listing.db, func() { p.env.Post(p.granted) })
		if !entered {
			p.ticket = ticket
			return
		}
		p.inGate = true
	}
	p.ask(what)
}

// granted is the gate's word that the turn has come.
func (p *purge) granted() {
	p.ticket, p.inGate = nil, true
	if p.over {
		p.leaveGate()
		return
	}
	p.next()
}

func (p *purge) leaveGate() {
	if p.inGate {
		p.inGate = false
		p.env.Gate.Leave(p.listing.db)
	}
}

var (
	askSizeFrame   = resp.AppendCommandStrings(nil, "DBSIZE")
	askPolicyFrame = resp.AppendCommandStrings(nil, "INFO", "memory")
)

// ask sends a question.
func (p *purge) ask(what uint8) {
	b := p.env.call[:0]
	up := &p.env.Table.Upstream
	keys := p.page
	if len(keys) == 0 {
		keys = p.found // all of them in one step
	} else {
		keys = keys[:min(len(keys), p.pace.batch)]
	}
	p.used = len(keys)
	switch what {
	case askSize:
		b = append(b, askSizeFrame...)
	case askPolicy:
		b = append(b, askPolicyFrame...)
	case askScan:
		p.used = p.pace.count
		b = p.plan.AppendScan(b, p.cursor, p.pace.count)
	case askMatch:
		b = p.plan.AppendMatch(b, keys, up)
	case askRemove:
		b = p.plan.AppendRemove(b, keys, up)
	}
	p.asked, p.sentAt, p.timed = what, p.now(), p.link.Connected()
	p.link.Send(p, b, 1, upstream.Whole, what)
	if cap(b) <= keepScratch {
		p.env.call = b[:0]
	}
}

// pause goes on a little later.
func (p *purge) pause() {
	p.timer = p.env.Links.World().After(purgePause, func() {
		p.timer = nil
		p.next()
	})
}

// cancel stops it. A step that is under way is still awaited, so that its keys are
// counted.
func (p *purge) cancel(why string) {
	if p.over {
		return
	}
	p.stop = why
	if p.asked == askNothing || !p.link.Connected() || p.s.gone && p.asked != askRemove {
		p.finish(p.failed("-ERR " + p.label() + " " + why))
	}
}

// finish ends it with its reply.
func (p *purge) finish(reply string) {
	if p.over {
		return
	}
	p.over = true
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.ticket != nil && p.env.Gate.Cancel(p.ticket) {
		p.ticket = nil // else granted comes, and leaves
	}
	p.leaveGate()
	p.env.Gate.End(p.listing.db)
	p.restart() // lets go of what it holds
	p.env.Purges.remove(p.listing)
	p.env.Counts.Purging--
	s := p.s
	if p.wrote && !s.gone {
		s.wroteOver(carrier{p.link, p.epoch})
		s.writes.lost = s.writes.lost || p.offsets
	}
	if p.asked == askNothing {
		p.env.Links.Release(p.link, true)
	} else {
		p.env.Links.Unpin(p.link)
	}
	p.report(reply)
	s.purge = nil
	s.inflight--
	if s.gone {
		return
	}
	s.client.SendString(reply)
	if s.inflight == 0 {
		s.settle()
	}
}

// label is how replies and the log call it.
func (p *purge) label() string { return "PURGE " + p.plan.Mode() }

// total is the reply of one that came to its end.
func (p *purge) total() string {
	if p.doubt == 0 {
		return fmt.Sprintf(":%d\r\n", p.removed)
	}
	return fmt.Sprintf("-UNCERTAIN upstream connection lost before a reply; %s went on and came to its end, and removed %s\r\n", p.label(), p.soFar())
}

// failed is the reply of one that did not: an error, and what was removed before.
func (p *purge) failed(line string) string {
	line = strings.TrimSuffix(line, "\r\n")
	if p.plan.DryRun || p.removed+p.doubt == 0 {
		return line + "\r\n"
	}
	return line + " (it had removed " + p.soFar() + ")\r\n"
}

func (p *purge) soFar() string {
	if p.doubt == 0 {
		return fmt.Sprintf("%d keys", p.removed)
	}
	return fmt.Sprintf("at least %d and at most %d keys", p.removed, p.removed+p.doubt)
}

// line is an error reply without its end.
func line(reply []byte) string { return string(bytes.TrimSuffix(reply, []byte("\r\n"))) }
