package sim

import (
	"fmt"
	"strings"
)

// Call is one command as the server sees it.
type Call struct {
	Name string   // lower case
	Args []string // the name first, the mark left out
	Mark string   // "" if it carried none
	cmd  *command
}

// Mark begins a last argument that is no argument: it tells commands apart, and
// the server takes it off every command that it knows.
const Mark = "~"

func newCall(args []string) *Call {
	c := &Call{Name: strings.ToLower(args[0]), Args: args}
	last := args[len(args)-1]
	if len(args) > 1 && strings.HasPrefix(last, Mark) {
		c.Mark, c.Args = last, args[:len(args)-1]
	} else if strings.HasPrefix(c.Name, "evalsha") {
		c.Mark = markIn(args)
	}
	c.cmd = table[c.Name]
	return c
}

// markIn finds the mark in a glob such as "k[~1.2.0]*", where it can stand in a
// call of a script without meaning anything.
func markIn(args []string) string {
	for _, a := range args {
		if _, rest, ok := strings.Cut(a, "["+Mark); ok {
			if in, _, ok := strings.Cut(rest, "]"); ok {
				return Mark + in
			}
		}
	}
	return ""
}

// call judges a command, and runs or queues it.
func (p *Peer) call(c *Call) {
	p.s.w.Tracef("server: peer %d runs %.100q", p.ID, c.Args)
	if p.s.Before != nil {
		p.s.Before(p, c)
	}
	if c.Mark != "" {
		r := p.s.record(c.Mark)
		r.Conns = append(r.Conns, p.ID)
		r.Conn, r.DB, r.Proto, r.User = p.ID, p.DB, p.Proto, p.User
	}
	if text := p.objection(c); text != "" {
		if p.Multi && c.Name != "exec" {
			p.failed = true
		}
		if p.Multi && c.Name == "exec" {
			p.endMulti()
			text = "EXECABORT Transaction discarded because of: " + text
		}
		p.answer(c, appendError(nil, text))
		return
	}
	if p.Multi && !c.cmd.inMulti {
		p.queue = append(p.queue, c)
		if c.Mark != "" {
			p.s.record(c.Mark).Queued++
		}
		p.answer(c, []byte("+QUEUED\r\n"))
		return
	}
	reply := p.s.carryOut(p, c)
	if reply != nil {
		p.answer(c, reply)
	}
}

// objection is why a command is refused before it runs; "" if it is not.
func (p *Peer) objection(c *Call) string {
	switch {
	case c.cmd == nil:
		return unknownText(c.Args, c.Mark)
	case c.cmd.arity > 0 && len(c.Args) != c.cmd.arity, len(c.Args) < -c.cmd.arity:
		return fmt.Sprintf("ERR wrong number of arguments for '%s' command", c.Name)
	case !p.authed && !c.cmd.noAuth:
		return "NOAUTH Authentication required."
	case len(p.Subs) > 0 && p.Proto == 2 && !c.cmd.inSub:
		return fmt.Sprintf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", c.Name)
	case p.Multi && c.Name == "watch":
		return "ERR WATCH inside MULTI is not allowed"
	}
	return ""
}

// unknownText is Redis's error for a name that it does not have.
func unknownText(args []string, mark string) string {
	var b strings.Builder
	rest := args[1:]
	if mark != "" {
		rest = append(rest[:len(rest):len(rest)], mark)
	}
	for _, a := range rest {
		if b.Len() >= 128 {
			break
		}
		fmt.Fprintf(&b, "'%.*s' ", 128-b.Len(), a)
	}
	name := args[0]
	return fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", name[:min(128, len(name))], b.String())
}

// carryOut runs a command and counts it. nil: there is no reply yet, or none.
func (s *Server) carryOut(p *Peer, c *Call) []byte {
	if c.Mark != "" {
		r := s.record(c.Mark)
		s.runs++
		if r.Runs++; r.Order == 0 {
			r.Order = s.runs
		}
	}
	return c.cmd.run(s, p, c)
}

// answer sends a reply, or not, as CLIENT REPLY has it.
func (p *Peer) answer(c *Call, reply []byte) {
	if p.dead {
		return
	}
	if c.Mark != "" {
		r := p.s.record(c.Mark)
		r.Replies = append(r.Replies, string(reply))
	}
	if p.mute {
		return
	}
	if p.skip {
		p.skip = false
		return
	}
	p.write(reply)
	if c.Name == "quit" {
		p.close()
	}
}

func appendError(dst []byte, text string) []byte {
	text = strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
	return append(append(append(dst, '-'), text...), "\r\n"...)
}

func appendInt(dst []byte, n int) []byte { return fmt.Appendf(dst, ":%d\r\n", n) }

func appendBulk(dst []byte, b []byte) []byte {
	dst = fmt.Appendf(dst, "$%d\r\n", len(b))
	return append(append(dst, b...), "\r\n"...)
}

func (p *Peer) null() []byte {
	if p.Proto == 3 {
		return []byte("_\r\n")
	}
	return []byte("$-1\r\n")
}

func (p *Peer) nullArray() []byte {
	if p.Proto == 3 {
		return []byte("_\r\n")
	}
	return []byte("*-1\r\n")
}

var okReply = []byte("+OK\r\n")
