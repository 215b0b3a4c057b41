package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// watched is a key that a connection watches.
type watched struct {
	db  int
	key string
}

// touch marks those who watch a key.
func (s *Server) touch(db int, key string) {
	for _, p := range s.peers {
		for _, w := range p.watches {
			if w.db == db && w.key == key {
				p.dirty = true
			}
		}
	}
}

func multi(_ *Server, p *Peer, _ *Call) []byte {
	if p.Multi {
		return appendError(nil, "ERR MULTI calls can not be nested")
	}
	p.Multi = true
	return okReply
}

func (p *Peer) endMulti() {
	p.Multi, p.failed, p.queue = false, false, nil
	p.watches, p.dirty = nil, false
}

// Block names the transaction that a marked command belongs to: marks are
// "~CLIENT.SEQUENCE.BLOCK".
func Block(mark string) string {
	parts := strings.Split(mark, ".")
	if len(parts) < 3 {
		return ""
	}
	return parts[0] + "." + parts[2]
}

func exec(s *Server, p *Peer, c *Call) []byte {
	if !p.Multi {
		return appendError(nil, "ERR EXEC without MULTI")
	}
	block := ""
	for _, q := range p.queue {
		if q.Mark != "" {
			block = Block(q.Mark)
			break
		}
	}
	if block != "" && c.Mark == "" {
		c.Mark = "exec" + block
	}
	if p.failed {
		p.endMulti()
		return appendError(nil, "EXECABORT Transaction discarded because of previous errors.")
	}
	if p.dirty {
		p.endMulti()
		return p.nullArray()
	}
	if s.Executed != nil {
		s.Executed(p, block, p.queue)
	}
	if c.Mark != "" {
		s.record(c.Mark).Runs++
	}
	queue := p.queue
	out := []byte("*" + strconv.Itoa(len(queue)) + "\r\n")
	for _, q := range queue {
		if r := s.carryOut(p, q); r != nil {
			out = append(out, r...)
		}
	}
	p.endMulti()
	return out
}

func discard(_ *Server, p *Peer, _ *Call) []byte {
	if !p.Multi {
		return appendError(nil, "ERR DISCARD without MULTI")
	}
	p.endMulti()
	return okReply
}

func watch(_ *Server, p *Peer, c *Call) []byte {
	for _, key := range c.Args[1:] {
		if w := (watched{p.DB, key}); !slices.Contains(p.watches, w) {
			p.watches = append(p.watches, w)
		}
	}
	return okReply
}

func unwatch(_ *Server, p *Peer, _ *Call) []byte {
	p.watches, p.dirty = nil, false
	return okReply
}

func selectDB(_ *Server, p *Peer, c *Call) []byte {
	n, err := strconv.Atoi(c.Args[1])
	switch {
	case err != nil:
		return appendError(nil, "ERR value is not an integer or out of range")
	case n < 0 || n > 15:
		return appendError(nil, "ERR DB index is out of range")
	}
	p.DB = n
	return okReply
}

// login checks a name and a password.
func (s *Server) login(p *Peer, user, pass string) []byte {
	want, ok := s.Users[user]
	if user == "default" {
		want, ok = s.Password, true
	}
	if !ok || (want != pass && (user != "default" || want != "")) {
		return appendError(nil, "WRONGPASS invalid username-password pair or user is disabled.")
	}
	p.authed, p.User = true, user
	return nil
}

func auth(s *Server, p *Peer, c *Call) []byte {
	user, pass := "default", c.Args[1]
	switch {
	case len(c.Args) > 3:
		return appendError(nil, "ERR syntax error")
	case len(c.Args) == 3:
		user, pass = c.Args[1], c.Args[2]
	case s.Password == "":
		return appendError(nil, "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	}
	if e := s.login(p, user, pass); e != nil {
		return e
	}
	return okReply
}

func hello(s *Server, p *Peer, c *Call) []byte {
	proto := p.Proto
	name, named := "", false
	var user []string
	if len(c.Args) > 1 {
		n, err := strconv.Atoi(c.Args[1])
		if err != nil {
			return appendError(nil, "ERR Protocol version is not an integer or out of range")
		}
		if n != 2 && n != 3 {
			return appendError(nil, "NOPROTO unsupported protocol version")
		}
		proto = n
	}
	for i := 2; i < len(c.Args); i++ {
		switch opt := strings.ToLower(c.Args[i]); {
		case opt == "auth" && i+2 < len(c.Args):
			user = c.Args[i+1 : i+3]
			if s.EagerHello {
				if e := s.login(p, user[0], user[1]); e != nil {
					return e
				}
			}
			i += 2
		case opt == "setname" && i+1 < len(c.Args):
			name, named = c.Args[i+1], true
			i++
		default:
			return appendError(nil, fmt.Sprintf("ERR Syntax error in HELLO option '%s'", c.Args[i]))
		}
	}
	if user != nil {
		if e := s.login(p, user[0], user[1]); e != nil {
			return e
		}
	}
	if !p.authed {
		return appendError(nil, "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	}
	if named {
		p.Name = name
	}
	p.Proto = proto
	head := "*14\r\n"
	if proto == 3 {
		head = "%7\r\n"
	}
	return fmt.Appendf(nil, "%s$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.0\r\n$5\r\nproto\r\n:%d\r\n$2\r\nid\r\n:%d\r\n"+
		"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n", head, proto, p.id())
}

func reset(s *Server, p *Peer, _ *Call) []byte {
	p.endMulti()
	p.DB, p.Proto, p.Name, p.User, p.Subs = 0, 2, "", "", nil
	p.mute, p.skip = false, false
	p.authed = s.Password == ""
	return []byte("+RESET\r\n")
}

func quit(_ *Server, _ *Peer, _ *Call) []byte { return okReply }

func client(_ *Server, p *Peer, c *Call) []byte {
	sub, args := strings.ToLower(c.Args[1]), c.Args
	switch {
	case sub == "setname" && len(args) == 3:
		if strings.ContainsAny(args[2], " \r\n") {
			return appendError(nil, "ERR Client names cannot contain spaces, newlines or special characters.")
		}
		p.Name = args[2]
		return okReply
	case sub == "getname" && len(args) == 2:
		if p.Name == "" {
			return p.null()
		}
		return appendBulk(nil, []byte(p.Name))
	case sub == "id" && len(args) == 2:
		return appendInt(nil, p.id())
	case sub == "setinfo" && len(args) == 4:
		return okReply
	case sub == "unblock" && len(args) == 3:
		return appendInt(nil, 0)
	case sub == "reply" && len(args) == 3:
		return p.setReply(strings.ToLower(args[2]))
	}
	return appendError(nil, fmt.Sprintf("ERR unknown subcommand '%.128s'. Try CLIENT HELP.", args[1]))
}

func (p *Peer) setReply(mode string) []byte {
	switch mode {
	case "on":
		p.mute, p.skip = false, false
		return okReply
	case "off":
		p.mute = true
	case "skip":
		p.skip = !p.mute // it has no reply itself
	default:
		return appendError(nil, "ERR syntax error")
	}
	return nil
}

// modstate is a command of a module that remembers something of its connection:
// nothing in COMMAND says so.
func modstate(_ *Server, p *Peer, c *Call) []byte {
	p.Last = c.Args
	return okReply
}

func (p *Peer) kind() string {
	if p.Proto == 3 {
		return ">3\r\n"
	}
	return "*3\r\n"
}

func subscribe(_ *Server, p *Peer, c *Call) []byte {
	var out []byte
	for _, ch := range c.Args[1:] {
		if !slices.Contains(p.Subs, ch) {
			p.Subs = append(p.Subs, ch)
		}
		out = appendBulk(append(out, p.kind()+"$9\r\nsubscribe\r\n"...), []byte(ch))
		out = appendInt(out, len(p.Subs))
	}
	return out
}

func unsubscribe(_ *Server, p *Peer, c *Call) []byte {
	channels := c.Args[1:]
	if len(channels) == 0 {
		channels = slices.Clone(p.Subs)
	}
	if len(channels) == 0 {
		return []byte(p.kind() + "$11\r\nunsubscribe\r\n" + string(p.null()) + ":0\r\n")
	}
	var out []byte
	for _, ch := range channels {
		if i := slices.Index(p.Subs, ch); i >= 0 {
			p.Subs = slices.Delete(p.Subs, i, i+1)
		}
		out = appendBulk(append(out, p.kind()+"$11\r\nunsubscribe\r\n"...), []byte(ch))
		out = appendInt(out, len(p.Subs))
	}
	return out
}

func publish(s *Server, _ *Peer, c *Call) []byte {
	n := 0
	for _, p := range append([]*Peer(nil), s.peers...) {
		if slices.Contains(p.Subs, c.Args[1]) {
			n++
			b := appendBulk([]byte(p.kind()+"$7\r\nmessage\r\n"), []byte(c.Args[1]))
			p.write(appendBulk(b, []byte(c.Args[2])))
		}
	}
	return appendInt(nil, n)
}
