package sim

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// value is a string or a list.
type value struct {
	list  bool
	str   []byte
	elems [][]byte
}

// command is what the server knows of one name.
type command struct {
	arity   int // counted without the mark; negative: at least so many
	run     func(s *Server, p *Peer, c *Call) []byte
	write   bool
	read    bool
	block   bool
	noAuth  bool
	inMulti bool // runs at once, even in a MULTI
	inSub   bool // allowed to a RESP2 subscriber
}

const wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"

// table is filled by init, since commands refer to it.
var table map[string]*command

func init() {
	table = map[string]*command{
		"ping":     {arity: -1, run: ping, inSub: true},
		"echo":     {arity: 2, run: echo},
		"get":      {arity: 2, run: get, read: true},
		"set":      {arity: -3, run: set, write: true},
		"getset":   {arity: 3, run: getset, write: true},
		"append":   {arity: 3, run: appendTo, write: true},
		"incr":     {arity: 2, run: incr, write: true},
		"del":      {arity: -2, run: del, write: true},
		"getrange": {arity: 4, run: getrange, read: true},
		"lpush":    {arity: -3, run: push, write: true},
		"rpush":    {arity: -3, run: push, write: true},
		"lrange":   {arity: 4, run: lrange, read: true},
		"llen":     {arity: 2, run: llen, read: true},
		"blpop":    {arity: -3, run: blpop, write: true, block: true},
		"publish":  {arity: 3, run: publish},
		"wait":     {arity: 3, run: wait, block: true},
		"scan":     {arity: -2, run: scan, read: true},
		"dbsize":   {arity: 1, run: dbsize, read: true},
		"info":     {arity: -1, run: info},

		"evalsha":    {arity: -3, run: evalsha, write: true},
		"evalsha_ro": {arity: -3, run: evalsha, read: true},

		"multi":       {arity: 1, run: multi, inMulti: true},
		"exec":        {arity: 1, run: exec, inMulti: true},
		"discard":     {arity: 1, run: discard, inMulti: true},
		"watch":       {arity: -2, run: watch, inMulti: true},
		"unwatch":     {arity: 1, run: unwatch},
		"select":      {arity: 2, run: selectDB},
		"auth":        {arity: -2, run: auth, noAuth: true},
		"hello":       {arity: -1, run: hello, noAuth: true},
		"reset":       {arity: 1, run: reset, noAuth: true, inMulti: true, inSub: true},
		"quit":        {arity: -1, run: quit, noAuth: true, inMulti: true, inSub: true},
		"client":      {arity: -2, run: client},
		"subscribe":   {arity: -2, run: subscribe, inSub: true},
		"unsubscribe": {arity: -1, run: unsubscribe, inSub: true},
		"modstate":    {arity: -1, run: modstate},
	}
}

// Info says what COMMAND INFO would of one of the server's commands.
type Info struct {
	Arity                         int
	Write, Read, Blocking, NoAuth bool
}

// Commands is what COMMAND would answer, by name. An arity there is the one
// without a mark, and so only a bound from below.
func Commands() map[string]Info {
	m := map[string]Info{}
	for name, c := range table {
		arity := c.arity
		if arity > 0 {
			arity = -arity
		}
		m[name] = Info{Arity: arity, Write: c.write, Read: c.read, Blocking: c.block, NoAuth: c.noAuth}
	}
	return m
}

func (s *Server) db(p *Peer) map[string]*value {
	m := s.dbs[p.DB]
	if m == nil {
		m = map[string]*value{}
		s.dbs[p.DB] = m
	}
	return m
}

// str finds the string at a key. ok is false if there is something else.
func (s *Server) str(p *Peer, key string) (v *value, ok bool) {
	v = s.db(p)[key]
	return v, v == nil || !v.list
}

func ping(_ *Server, p *Peer, c *Call) []byte {
	switch {
	case len(c.Args) > 2:
		return appendError(nil, "ERR wrong number of arguments for 'ping' command")
	case len(p.Subs) > 0 && p.Proto == 2:
		arg := ""
		if len(c.Args) == 2 {
			arg = c.Args[1]
		}
		return appendBulk([]byte("*2\r\n$4\r\npong\r\n"), []byte(arg))
	case len(c.Args) == 2:
		return appendBulk(nil, []byte(c.Args[1]))
	}
	return []byte("+PONG\r\n")
}

func echo(_ *Server, _ *Peer, c *Call) []byte { return appendBulk(nil, []byte(c.Args[1])) }

func get(s *Server, p *Peer, c *Call) []byte {
	v, ok := s.str(p, c.Args[1])
	switch {
	case !ok:
		return appendError(nil, wrongType)
	case v == nil:
		return p.null()
	}
	return appendBulk(nil, v.str)
}

func set(s *Server, p *Peer, c *Call) []byte {
	if len(c.Args) > 3 {
		return appendError(nil, "ERR syntax error")
	}
	s.db(p)[c.Args[1]] = &value{str: []byte(c.Args[2])}
	s.touch(p.DB, c.Args[1])
	return okReply
}

func getset(s *Server, p *Peer, c *Call) []byte {
	reply := get(s, p, c)
	if reply[0] != '-' {
		s.db(p)[c.Args[1]] = &value{str: []byte(c.Args[2])}
		s.touch(p.DB, c.Args[1])
	}
	return reply
}

func appendTo(s *Server, p *Peer, c *Call) []byte {
	v, ok := s.str(p, c.Args[1])
	if !ok {
		return appendError(nil, wrongType)
	}
	if v == nil {
		v = &value{}
		s.db(p)[c.Args[1]] = v
	}
	v.str = append(v.str, c.Args[2]...)
	s.touch(p.DB, c.Args[1])
	return appendInt(nil, len(v.str))
}

func incr(s *Server, p *Peer, c *Call) []byte {
	v, ok := s.str(p, c.Args[1])
	if !ok {
		return appendError(nil, wrongType)
	}
	n := 0
	if v != nil {
		var err error
		if n, err = strconv.Atoi(string(v.str)); err != nil {
			return appendError(nil, "ERR value is not an integer or out of range")
		}
	}
	s.db(p)[c.Args[1]] = &value{str: strconv.AppendInt(nil, int64(n+1), 10)}
	s.touch(p.DB, c.Args[1])
	return appendInt(nil, n+1)
}

func del(s *Server, p *Peer, c *Call) []byte {
	n := 0
	for _, key := range c.Args[1:] {
		if s.db(p)[key] != nil {
			delete(s.db(p), key)
			s.touch(p.DB, key)
			n++
		}
	}
	return appendInt(nil, n)
}

// getrange answers for a key "big:X" as if it held X again and again, up to the
// end that was asked for: a long reply that is nobody else's.
func getrange(s *Server, p *Peer, c *Call) []byte {
	end, err := strconv.Atoi(c.Args[3])
	if err != nil || end < 0 || end > 8<<20 {
		return appendError(nil, "ERR value is not an integer or out of range")
	}
	if x, ok := strings.CutPrefix(c.Args[1], "big:"); ok && x != "" {
		return appendBulk(nil, bytes.Repeat([]byte(x), end/len(x)+1)[:end+1])
	}
	v, ok := s.str(p, c.Args[1])
	if !ok {
		return appendError(nil, wrongType)
	}
	if v == nil {
		return appendBulk(nil, nil)
	}
	return appendBulk(nil, v.str[:min(len(v.str), end+1)])
}

func push(s *Server, p *Peer, c *Call) []byte {
	v := s.db(p)[c.Args[1]]
	if v != nil && !v.list {
		return appendError(nil, wrongType)
	}
	if v == nil {
		v = &value{list: true}
		s.db(p)[c.Args[1]] = v
	}
	for _, e := range c.Args[2:] {
		if c.Name == "rpush" {
			v.elems = append(v.elems, []byte(e))
		} else {
			v.elems = append([][]byte{[]byte(e)}, v.elems...)
		}
	}
	n := len(v.elems)
	s.touch(p.DB, c.Args[1])
	s.serveBlocked(p.DB, c.Args[1])
	return appendInt(nil, n)
}

func lrange(s *Server, p *Peer, c *Call) []byte {
	v := s.db(p)[c.Args[1]]
	if v == nil {
		return []byte("*0\r\n")
	}
	if !v.list {
		return appendError(nil, wrongType)
	}
	out := []byte("*" + strconv.Itoa(len(v.elems)) + "\r\n")
	for _, e := range v.elems {
		out = appendBulk(out, e)
	}
	return out
}

func llen(s *Server, p *Peer, c *Call) []byte {
	if v := s.db(p)[c.Args[1]]; v != nil {
		return appendInt(nil, len(v.elems))
	}
	return appendInt(nil, 0)
}

// blocked is a BLPOP that waits.
type blocked struct {
	p     *Peer
	c     *Call
	db    int
	key   string
	timer interface{ Stop() }
}

func (s *Server) pop(p *Peer, db int, key string) []byte {
	v := s.dbs[db][key]
	if v == nil || !v.list || len(v.elems) == 0 {
		return nil
	}
	e := v.elems[0]
	if v.elems = v.elems[1:]; len(v.elems) == 0 {
		delete(s.dbs[db], key)
	}
	s.touch(db, key)
	return appendBulk(appendBulk([]byte("*2\r\n"), []byte(key)), e)
}

func blpop(s *Server, p *Peer, c *Call) []byte {
	key := c.Args[1]
	seconds, err := strconv.ParseFloat(c.Args[2], 64)
	if err != nil {
		return appendError(nil, "ERR timeout is not a float or out of range")
	}
	if v := s.db(p)[key]; v != nil && !v.list {
		return appendError(nil, wrongType)
	}
	if reply := s.pop(p, p.DB, key); reply != nil {
		return reply
	}
	if p.Multi {
		return p.nullArray()
	}
	b := &blocked{p: p, c: c, db: p.DB, key: key}
	p.blocked = b
	if seconds > 0 {
		b.timer = s.w.After(time.Duration(seconds*float64(time.Second)), func() {
			if p.blocked == b {
				p.unblock()
				p.answer(c, p.nullArray())
				p.run()
			}
		})
	}
	return nil
}

func (p *Peer) unblock() {
	if b := p.blocked; b != nil {
		p.blocked = nil
		if b.timer != nil {
			b.timer.Stop()
		}
	}
}

// serveBlocked gives the elements of a list to those who wait for them, the one
// with the oldest connection first.
func (s *Server) serveBlocked(db int, key string) {
	for _, p := range append([]*Peer(nil), s.peers...) {
		b := p.blocked
		if b == nil || b.db != db || b.key != key {
			continue
		}
		reply := s.pop(p, db, key)
		if reply == nil {
			return
		}
		p.unblock()
		p.answer(b.c, reply)
		s.w.Soon(p.run)
	}
}

func wait(_ *Server, _ *Peer, _ *Call) []byte { return appendInt(nil, 0) }
