package session

import (
	"bytes"
	"math/bits"
	"strconv"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// A purge owns its link. These are the methods of that role.

// Answer takes the reply to what was asked.
func (p *purge) Answer(tag uint8, reply, frame []byte) {
	p.asked, p.answered = askNothing, true
	p.leaveGate()
	if reply[0] == '-' {
		p.refused(tag, line(reply), frame)
		return
	}
	p.troubled, p.missed = 0, 0
	if !p.take(tag, reply) {
		p.finish(p.failed(oddReply))
		return
	}
	if p.timed && tag >= askScan {
		p.measure(tag)
	}
	p.progress()
	p.next()
}

// measure learns from how long a step took.
func (p *purge) measure(tag uint8) {
	took := p.pace.net(time.Duration(p.now() - p.sentAt))
	p.env.Counts.PurgeSteps.Observe(took)
	switch {
	case tag == askScan:
		p.pace.adapt(&p.pace.count, p.used, took)
	case !p.scanned || len(p.page) > 0 || p.plan.Sweep:
		p.pace.adapt(&p.pace.batch, p.used, took)
	}
}

// take goes on by a reply. False: it is not what was asked for.
func (p *purge) take(tag uint8, reply []byte) bool {
	switch tag {
	case askSize:
		p.sized = true
		n, ok := number(reply)
		if ok {
			p.listing.total.Store(int64(n))
		}
		return ok
	case askPolicy:
		p.checked = true
		if bytes.Contains(reply, []byte("maxmemory_policy:allkeys-lfu")) || bytes.Contains(reply, []byte("maxmemory_policy:volatile-lfu")) {
			p.finish(lfuPolicy + "\r\n")
		}
		return true
	case askScan:
		return p.takePage(reply)
	case askMatch:
		return p.takeMatches(reply)
	}
	n, ok := number(reply)
	if !ok {
		return false
	}
	if p.wrote && p.epoch != p.link.Epoch() {
		p.offsets = true
	}
	p.wrote, p.epoch = true, p.link.Epoch()
	p.count(n)
	p.env.Counts.PurgeRemoved += uint64(n)
	p.handled()
	return true
}

// count adds keys that were removed, or would be.
func (p *purge) count(n int) {
	p.removed += n
	p.listing.removed.Store(int64(p.removed))
	if n > 0 {
		p.restarts = 0
	}
}

// handled lets go of the keys of a script's call.
func (p *purge) handled() {
	if len(p.page) == 0 {
		p.complete = true // it was what was found, all at once
		return
	}
	p.page = p.page[p.used:]
}

// takePage takes a page of SCAN.
func (p *purge) takePage(reply []byte) bool {
	_, elems, ok := parts(reply)
	if !ok || len(elems) != 2 {
		return false
	}
	_, names, ok := parts(bytes.Clone(elems[1])) // the keys outlive the reply
	cursor := word(elems[0])
	if !ok || cursor == nil {
		return false
	}
	p.cursor = bytes.Clone(cursor)
	p.scanned = string(cursor) == "0"
	p.page = names[:0]
	for _, n := range names {
		key := word(n)
		if key == nil {
			return false
		}
		if !p.plan.Spares(key) {
			p.page = append(p.page, key)
		}
	}
	if !p.plan.Sweep && !p.plan.Conditional() {
		p.keep(p.page)
		p.page = nil
	}
	return true
}

// takeMatches takes the places of the keys that match.
func (p *purge) takeMatches(reply []byte) bool {
	_, places, ok := parts(reply)
	if !ok || len(places) > p.used {
		return false
	}
	if len(p.page) == 0 || p.plan.Sweep {
		p.count(len(places)) // of a DRYRUN
		p.handled()
		return true
	}
	keys := make([][]byte, 0, len(places))
	for _, n := range places {
		i, ok := number(n)
		if !ok || i < 1 || i > p.used {
			return false
		}
		keys = append(keys, p.page[i-1])
	}
	p.handled()
	p.keep(keys)
	return true
}

// keep adds keys to what SNAPSHOT has found, each once: SCAN may name one twice.
func (p *purge) keep(keys [][]byte) {
	if p.seen == nil {
		p.seen = map[string]struct{}{}
	}
	for _, k := range keys {
		if _, twice := p.seen[string(k)]; twice {
			continue
		}
		p.seen[string(k)] = struct{}{}
		p.found = append(p.found, k)
		p.held += len(k) + keyCost
		p.env.Buffered += len(k) + keyCost
	}
	switch {
	case len(p.found) > p.plan.Limit:
		p.finish(tooManyFound)
	case p.held-keyCost*len(p.found) > p.env.RewriteMax || p.env.Buffered > p.env.InputMax:
		p.finish(tooLongFound)
	}
}

// number reads an integer reply.
func number(reply []byte) (int, bool) {
	if reply[0] != ':' {
		return 0, false
	}
	n, err := strconv.Atoi(line(reply)[1:])
	return n, err == nil && n >= 0
}

// refused deals with an error.
func (p *purge) refused(tag uint8, text string, frame []byte) {
	switch code := []byte(text); {
	case bytes.HasPrefix(code, []byte("-NOSCRIPT")):
		p.heal(scriptOf(frame))
	case bytes.HasPrefix(code, []byte("-BUSY")), bytes.HasPrefix(code, []byte("-LOADING")):
		p.trouble(text)
	case tag == askSize && bytes.HasPrefix(code, []byte("-NOPERM")):
		p.sized = true // whoever may not ask does without
		p.next()
	case tag == askPolicy && bytes.HasPrefix(code, []byte("-NOPERM")):
		p.checked = true
		p.next()
	default:
		p.finish(p.failed(text))
	}
}

// heal has a script loaded again.
func (p *purge) heal(sha string) {
	if p.missed++; p.missed > maxHeals {
		p.finish(p.failed(tryAgain))
		return
	}
	p.heals = true
	p.env.Scripts.Load(sha, func(err error) {
		p.heals = false
		if err != nil && !p.over {
			p.finish(p.failed(tryAgain))
			return
		}
		p.env.Counts.Healed++
		p.next()
	})
}

// trouble waits a little, unless it has for long enough.
func (p *purge) trouble(text string) {
	if p.troubled == 0 {
		p.troubled = p.now()
	}
	if p.stop == "" && p.answered && p.now()-p.troubled < int64(purgePatience) && p.restarts <= maxRestarts {
		p.pause()
		return
	}
	if p.stop != "" {
		text = "-ERR " + p.label() + " " + p.stop
	}
	p.finish(p.failed(text))
}

// Fate: nothing is sent again as it was, since the next connection may lead to
// another server.
func (p *purge) Fate(tag uint8, _ []byte, written, _ bool) (upstream.Verdict, string) {
	if !written {
		return upstream.Tell, upstream.Unavailable
	}
	if tag == askRemove {
		p.doubt += p.used
	}
	return upstream.Tell, upstream.Uncertain
}

// LinkLost has it begin again on the next connection.
func (p *purge) LinkLost(error) bool {
	p.restart()
	return p.stop == "" && !p.over
}

// Local takes the news that what was asked has no reply.
func (p *purge) Local(tag uint8, text string) {
	p.asked = askNothing
	p.leaveGate()
	switch {
	case p.over:
	case text != upstream.Uncertain && text != upstream.Unavailable:
		p.finish(p.failed(text)) // the user is refused
	case !p.plan.Sweep && tag == askRemove && p.doubt > 0:
		p.finish(upstream.Uncertain) // all of it, or nothing
	default:
		if text == upstream.Uncertain {
			p.restarts++
		}
		p.restart()
		p.trouble(text)
	}
}

// LinkGone follows a LinkLost that wanted no other connection.
func (p *purge) LinkGone() { p.finish(p.failed("-ERR " + p.label() + " " + p.stop)) }

// Refused: the upstream does not accept the user any more.
func (p *purge) Refused(text string) {
	p.asked = askNothing
	p.finish(p.failed(text))
}

// Long: a page is too long to hold. It is dropped, and asked for in smaller ones.
func (p *purge) Long(uint8) {}

// Part drops a piece of it.
func (p *purge) Part([]byte) {}

// Replies ends it.
func (p *purge) Replies([]byte, int) {
	p.asked = askNothing
	p.leaveGate()
	if p.used <= minSize || p.used != p.pace.count {
		p.finish(p.failed(tooLongPage))
		return
	}
	p.pace.count = max(minSize, p.pace.count/8)
	p.next()
}

// Cut: the connection was lost in the middle of it.
func (p *purge) Cut() { p.Local(askScan, upstream.Uncertain) }

// Push, Raw and RawError: nothing is asked that brings any.
func (p *purge) Push([]byte)     {}
func (p *purge) Raw([]byte)      {}
func (p *purge) RawError([]byte) {}

// Unblocked: it never waits for room.
func (p *purge) Unblocked() {}

// Gone reports whether the replies are of no interest any more.
func (p *purge) Gone() bool { return p.over }

// progress tells the list, the metrics and now and then the log how far it is.
func (p *purge) progress() {
	if p.over {
		return
	}
	if total := p.listing.total.Load(); total > 0 {
		was := p.listing.scanned.Load()
		if now := int64(float64(total) * part(p.cursor, p.scanned)); now > was {
			p.listing.scanned.Store(now)
			p.env.Counts.PurgeScanned += uint64(now - was)
		}
	}
	if now := p.now(); now-p.logged >= int64(purgeLogged) {
		p.logged = now
		p.logProgress()
	}
}

// part is how much of the keyspace lies behind a cursor, from 0 to 1. Servers count
// the bits of a cursor from the other end, so that it says so whatever the size of
// their table.
func part(cursor []byte, done bool) float64 {
	n, err := strconv.ParseUint(string(cursor), 10, 64)
	switch {
	case done:
		return 1
	case err != nil:
		return 0
	}
	return float64(bits.Reverse64(n)) / (1 << 63) / 2
}
