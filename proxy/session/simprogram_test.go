package session_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/internal/sim"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// add encodes a command and puts it at the end of what is to be sent.
func (c *player) add(k *cmd, args ...string) *cmd {
	k.name, k.breaks, k.at, k.raw = strings.ToLower(args[0]), c.m.w.Breaks, c.m.w.Now(), c.raw
	r := c.m.w.Rnd
	if k.mark != "" {
		c.m.cmds[k.mark] = k
	}
	if r.IntN(4) == 0 && k.kind != refused {
		args[0] = mixedCase(args[0], r.Uint32())
	}
	frame := resp.AppendCommandStrings(nil, args...)
	switch {
	case r.IntN(20) == 0 && inlineable(args):
		frame = []byte(strings.Join(args, "  ") + "\r\n")
	case r.IntN(40) == 0 && len(frame) < 1<<20:
		frame[len(frame)-1] = 'x' // Redis skips the bytes behind an argument unread
	}
	c.in = append(c.in, frame...)
	if c.silent > 0 {
		if c.silent == 1 {
			c.silent = 0
		}
		return k
	}
	c.queue = append(c.queue, k)
	return k
}

func inlineable(args []string) bool {
	for _, a := range args {
		if a == "" || len(a) > 1000 || strings.ContainsAny(a, " \"'\\\r\n\x00") {
			return false
		}
	}
	return true
}

func mixedCase(s string, bits uint32) string {
	b := []byte(strings.ToLower(s))
	for i := range b {
		if bits>>(i%32)&1 == 1 && 'a' <= b[i] && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// mark makes a mark for the next command, of the block or of none.
func (c *player) mark(b *block) string {
	c.seq++
	if b == nil {
		return fmt.Sprintf("%s%d.%d.0", sim.Mark, c.id, c.seq)
	}
	return fmt.Sprintf("%s%d.%d.%s", sim.Mark, c.id, c.seq, b.id)
}

func (c *player) key() string {
	if c.m.w.Rnd.IntN(3) == 0 {
		return "s" + strconv.Itoa(c.m.w.Rnd.IntN(3)) // everybody's
	}
	return fmt.Sprintf("c%d:%d", c.id, c.m.w.Rnd.IntN(3))
}

// think makes up the next command, or a few that belong together.
func (c *player) think() {
	r := c.m.w.Rnd
	if c.raw {
		c.thinkRaw()
		return
	}
	if c.m.srv.Password != "" && c.user == "" && r.IntN(6) == 0 {
		c.login()
		return
	}
	switch n := r.IntN(1000); {
	case n < 620:
		c.simple(nil)
	case n < 720:
		c.transaction()
	case n < 760:
		c.purge(nil)
	case n < 800:
		c.refusedOne(nil)
	case n < 830:
		db := strconv.Itoa(r.IntN(4))
		if r.IntN(10) == 0 {
			db = "99"
		}
		m := c.mark(nil)
		c.add(&cmd{kind: selectDB, mark: m, arg: db, again: true}, "SELECT", db, m)
	case n < 850:
		v := []string{"2", "3", "3", "4"}[r.IntN(4)]
		m := c.mark(nil)
		c.add(&cmd{kind: hello, mark: m, arg: v, again: true}, "HELLO", v, m)
	case n < 890:
		c.aboutName()
	case n < 910:
		m := c.mark(nil)
		c.add(&cmd{kind: plain, mark: m, write: true}, "BLPOP", fmt.Sprintf("l%d", r.IntN(3)), "0.0"+strconv.Itoa(1+r.IntN(9)), m)
	case n < 930:
		m := c.mark(nil)
		c.add(&cmd{kind: plain, mark: m, write: true}, "LPUSH", fmt.Sprintf("l%d", r.IntN(3)), m[1:], m)
	case n < 940:
		m := c.mark(nil)
		c.add(&cmd{kind: wait, mark: m, again: true}, "WAIT", "0", "0", m)
	case n < 950:
		c.in = append(c.in, []string{"*0\r\n", "\r\n", "*-1\r\n", "  \r\n"}[r.IntN(4)]...)
	case n < 955:
		c.stray()
	case n < 960:
		c.reset()
	case n < 970:
		c.login()
	case n < 975 && c.m.long > 0:
		c.m.long--
		m := c.mark(nil)
		c.add(&cmd{kind: plain, mark: m, write: true}, "SET", c.key(), strings.Repeat(m, 1<<20/len(m)+r.IntN(30000)), m)
	case n < 980:
		c.last()
	case n < 990 && c.m.raws && c.mayServe():
		c.beginRaw()
	default:
		c.simple(nil)
	}
}

// simple is a command that leaves nothing behind.
func (c *player) simple(b *block) {
	r := c.m.w.Rnd
	m := c.mark(b)
	k := &cmd{kind: plain, mark: m, block: b}
	switch r.IntN(13) {
	case 0:
		c.queueIn(b, c.add(k, "PING", m))
	case 1:
		c.queueIn(b, c.add(k, "ECHO", "hello "+m[1:], m))
	case 2, 3:
		k.again = true
		c.queueIn(b, c.add(k, "GET", c.key(), m))
	case 4:
		k.write = true
		c.queueIn(b, c.add(k, "SET", c.key(), "v"+m[1:], m))
	case 5, 6:
		k.write, k.arg = true, fmt.Sprintf("n%d", r.IntN(3))
		c.queueIn(b, c.add(k, "INCR", k.arg, m))
	case 7:
		k.write = true
		c.queueIn(b, c.add(k, "GETSET", c.key(), "w"+m[1:], m))
	case 8:
		k.write = true
		c.queueIn(b, c.add(k, "APPEND", "a"+c.key(), m[1:], m))
	case 9:
		k.write = true
		c.queueIn(b, c.add(k, "DEL", c.key(), m))
	case 10:
		k.again = true
		size := r.IntN(3000)
		if r.IntN(20) == 0 {
			size = r.IntN(120_000)
		}
		c.queueIn(b, c.add(k, "GETRANGE", "big:"+m, "0", strconv.Itoa(size), m))
	case 11:
		c.queueIn(b, c.add(k, "PUBLISH", "ch"+strconv.Itoa(r.IntN(2)), "m"+m[1:], m))
	case 12:
		k.again = true
		if b != nil {
			b.poisoned = true
		}
		c.add(k, "NOSUCH", "x", m)
	}
}

func (c *player) queueIn(b *block, k *cmd) {
	if b != nil {
		b.cmds = append(b.cmds, k)
	}
}

// refusedOne is refused by the proxy.
func (c *player) refusedOne(b *block) {
	names := []string{"eval", "EVALSHA", "fcall", "sync"}
	name := names[c.m.w.Rnd.IntN(len(names))]
	if b != nil {
		b.poisoned = true
	}
	text := commands.Lookup([]byte(name)).Refusal()
	m := c.mark(b)
	c.add(&cmd{kind: refused, mark: m, block: b, text: text}, name, "return 1", "0", m)
}

// purge is a command of the catalogue, right or wrong.
func (c *player) purge(b *block) {
	m := c.mark(b)
	if b == nil && !c.raw && c.m.seed >= stepwiseSeed && c.m.w.Rnd.IntN(2) == 0 {
		c.purgeInSteps()
		return
	}
	switch c.m.w.Rnd.IntN(6) {
	case 0:
		k := &cmd{kind: refused, mark: m, block: b, text: "-ERR syntax error\r\n", fails: true}
		if b != nil { // becomes that element's error
			k = &cmd{kind: custom, block: b, text: "+QUEUED\r\n", again: true}
			b.cmds = append(b.cmds, nil)
		}
		c.add(k, "PURGE", "p["+m+"]*", "NOSUCHOPTION")
	case 1:
		if b != nil {
			b.poisoned = true
		}
		c.add(&cmd{kind: refused, mark: m, block: b, text: "-ERR wrong number of arguments for 'purge' command\r\n"}, "PURGE")
	case 2:
		k := &cmd{kind: custom, mark: m, block: b, again: true}
		c.queueIn(b, c.add(k, "PURGE", "s["+m+"]*", "DRYRUN"))
	default:
		k := &cmd{kind: custom, mark: m, block: b, write: true}
		c.queueIn(b, c.add(k, "PURGE", "s["+m+"]*"))
	}
}

// purgeInSteps removes keys of the client's own, or everybody's.
func (c *player) purgeInSteps() {
	r := c.m.w.Rnd
	args := []string{"PURGE", []string{"s*", fmt.Sprintf("c%d:*", c.id), "*:[0-9]"}[r.IntN(3)], []string{"SWEEP", "SNAPSHOT"}[r.IntN(2)]}
	if r.IntN(4) == 0 {
		args = append(args, "NOEXPIRE") // judged by a script, before the removal too
	}
	k := &cmd{kind: stepwise, write: true, again: true}
	if r.IntN(4) == 0 {
		args, k.write = append(args, "DRYRUN"), false
	}
	c.add(k, args...)
}

// transaction is a whole MULTI … EXEC or DISCARD, often guarded by WATCH.
func (c *player) transaction() {
	r := c.m.w.Rnd
	for r.IntN(3) == 0 {
		m, key := c.mark(nil), c.key()
		w := c.add(&cmd{kind: watch, mark: m, arg: key}, "WATCH", key, m)
		c.watching = append(c.watching, w)
		if r.IntN(3) == 0 {
			c.simple(nil)
		}
	}
	if len(c.watching) > 0 && r.IntN(8) == 0 {
		m := c.mark(nil)
		c.add(&cmd{kind: unwatch, mark: m, ends: c.watching}, "UNWATCH", m)
		c.watching = nil
		return
	}
	c.blocks++
	b := &block{id: strconv.Itoa(c.blocks), client: c, guards: c.watching}
	c.m.blocks[fmt.Sprintf("%s%d.%s", sim.Mark, c.id, b.id)] = b
	b.begin = c.add(&cmd{kind: multi, block: b}, "MULTI")
	first := c.mark(b)
	c.queueIn(b, c.add(&cmd{kind: plain, mark: first, block: b}, "ECHO", "first "+first[1:], first))
	for range 1 + r.IntN(5) {
		switch n := r.IntN(20); {
		case n == 0:
			c.refusedOne(b)
		case n <= 2:
			c.purge(b)
		case n == 3 && r.IntN(4) == 0:
			m := c.mark(b)
			b.db, c.sticky = strconv.Itoa(r.IntN(4)), true
			c.queueIn(b, c.add(&cmd{kind: plain, mark: m, block: b}, "SELECT", b.db, m))
		default:
			c.simple(b)
		}
	}
	if r.IntN(20) == 0 {
		b.notRun = true
		c.reset()
		return
	}
	c.watching = nil
	if r.IntN(6) == 0 {
		m := c.mark(b)
		c.add(&cmd{kind: discard, mark: m, block: b, ends: b.guards}, "DISCARD", m)
		b.notRun = true
		return
	}
	c.add(&cmd{kind: exec, block: b, ends: b.guards}, "EXEC")
}

func (c *player) aboutName() {
	m := c.mark(nil)
	switch c.m.w.Rnd.IntN(3) {
	case 0:
		name := "name-" + m[1:]
		if c.m.w.Rnd.IntN(5) == 0 {
			name = "bad name"
		}
		c.add(&cmd{kind: setName, mark: m, arg: name, again: true}, "CLIENT", "SETNAME", name, m)
	case 1:
		c.add(&cmd{kind: getName, mark: m, again: true}, "CLIENT", "GETNAME", m)
	case 2:
		c.add(&cmd{kind: clientID, mark: m, again: true}, "CLIENT", "ID", m)
	}
}

// login authenticates, as one of the two users or with a wrong password.
func (c *player) login() {
	users := []string{"ann", "bob"}
	if c.m.srv.Password != "" {
		users = append(users, "default")
	}
	user := users[c.m.w.Rnd.IntN(len(users))]
	pass := "pw-" + user
	k := &cmd{kind: auth, arg: user, again: true}
	if c.m.w.Rnd.IntN(4) == 0 {
		pass, k.arg, k.text = "wrong", "", wrongPass
	}
	c.add(k, "AUTH", user, pass)
}

// mayServe reports whether the server serves the client, as far as that is known
// now: what is silent or not must not depend on what is still to come.
func (c *player) mayServe() bool {
	resets := slices.ContainsFunc(c.queue, func(k *cmd) bool { return k.kind == reset })
	return c.m.srv.Password == "" || c.user != "" && !resets
}

// reset makes the connection what a new one is.
func (c *player) reset() {
	k := &cmd{kind: reset, again: true, ends: c.watching}
	c.watching = nil
	c.raw, c.subs = false, map[string]bool{}
	c.add(k, "RESET")
}

// stray is the end of a transaction that has not begun.
func (c *player) stray() {
	if m := c.mark(nil); c.m.w.Rnd.IntN(2) == 0 {
		c.add(&cmd{kind: plain, mark: m, text: "-ERR EXEC without MULTI\r\n"}, "EXEC")
	} else {
		c.add(&cmd{kind: plain, mark: m, text: "-ERR DISCARD without MULTI\r\n"}, "DISCARD")
	}
}
