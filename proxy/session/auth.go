package session

import (
	"bytes"
	"fmt"
	"strings"
)

// locked reports whether the upstream demands authentication that the client
// has not given yet. Such a client shares nothing with anybody: a stranger could
// have a shared connection closed by a frame over the limits. One that was served
// before a password was set stays in, as on the server itself, while the
// connections last.
func (s *Session) locked() bool {
	return s.env.AuthRequired && !s.state.authed && !s.state.welcome
}

// Locked is locked, for the limits that the connection has until then.
func (s *Session) Locked() bool { return s.locked() }

const noAuth = "-NOAUTH Authentication required.\r\n"

// beforeAuth answers a command of a client that has not authenticated, as Redis
// does: an unknown name and a wrong number of arguments come first.
func (s *Session) beforeAuth(v *verb, c *command) string {
	switch {
	case s.env.Table.quote == 0:
	case v == s.env.Table.unlisted && s.env.Table.complete:
		return unknown(s.env.Table.quote, c)
	case v.arity > 0 && c.argc != v.arity, v.arity < 0 && c.argc < -v.arity:
		name := string(bytes.ToLower(c.arg(0)))
		return "-ERR wrong number of arguments for '" + oneLine(name) + "' command\r\n"
	}
	return noAuth
}

// unknown builds Redis's error for a name that it does not have.
func unknown(quote byte, c *command) string {
	var b strings.Builder
	for _, a := range c.args(nil)[1:] {
		if b.Len() >= 128 {
			break
		}
		if room := 128 - b.Len(); len(a) > room {
			a = a[:room]
		}
		fmt.Fprintf(&b, "%c%s%c ", quote, a, quote)
	}
	name := c.arg(0)
	if len(name) > 128 {
		name = name[:128]
	}
	return "-ERR " + oneLine(fmt.Sprintf("unknown command %c%s%c, with args beginning with: %s",
		quote, name, quote, b.String())) + "\r\n"
}

// oneLine keeps an argument's bytes from ending the error line, as Redis does.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}
