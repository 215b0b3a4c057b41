package session

import (
	"bytes"
	"strconv"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// state is what the client has made of its connection, as far as replies have
// confirmed it.
type state struct {
	db         int
	proto      int // 3, or anything else for RESP2
	user, pass string
	authed     bool
	name       string
	libName    string
	libVersion string

	multi     bool // MULTI was answered, EXEC and DISCARD were not
	watch     bool
	watchLost bool // a WATCH was lost with its connection: the next EXEC is null
	multiLost bool // a MULTI was lost: what follows is queued nowhere
	failed    bool // in MULTI: a command was refused, EXEC will abort
	sticky    bool // holds state that we cannot make again elsewhere
}

func (s *Session) lostMulti() bool { return s.state.multiLost }

// mayBeInMulti reports whether the upstream may be queueing our commands.
func (s *Session) mayBeInMulti() bool { return s.state.multi || s.multis > 0 }

// identity is what a new connection has to be brought to for this session.
func (s *Session) identity() upstream.Identity {
	id := s.env.Default
	st := &s.state
	if st.authed {
		id.Auth, id.User, id.Password = true, st.user, st.pass
	}
	id.DB, id.Proto, id.Name = st.db, st.proto, st.name
	id.LibName, id.LibVersion = st.libName, st.libVersion
	return id
}

// watchReply follows what the reply to a command of the session's own link says
// about its state.
func (s *Session) watchReply(op commands.Op, reply, frame []byte) {
	st := &s.state
	failed := reply[0] == '-'
	if bytes.Equal(reply, []byte(queued)) {
		if changesConnection(op) {
			st.sticky = true // takes effect at EXEC
		}
		return
	}
	if failed && st.multi && op != commands.OpExec && op != commands.OpMulti {
		st.failed = true
	}
	switch op {
	case commands.OpExec:
		if !bytes.HasPrefix(reply, []byte("-ERR EXEC without MULTI")) {
			st.multi, st.watch, st.watchLost, st.failed = false, false, false, false
		}
		return
	}
	if !failed {
		s.applied(op, frame)
	}
}

// applied records a command that the upstream has carried out.
func (s *Session) applied(op commands.Op, frame []byte) {
	st := &s.state
	c, _ := parse(frame)
	args := c.args(nil)
	str := func(i int) string {
		if i < len(args) {
			return string(args[i])
		}
		return ""
	}
	switch op {
	case commands.OpMulti:
		st.multi, st.failed = true, false
	case commands.OpDiscard:
		st.multi, st.watch, st.watchLost, st.failed = false, false, false, false
	case commands.OpWatch:
		st.watch = true
	case commands.OpUnwatch:
		st.watch, st.watchLost = false, false
	case commands.OpSelect:
		st.db, _ = strconv.Atoi(str(1))
	case commands.OpAuth:
		st.authenticated(args[1:])
		s.link.SetUser(s.identity())
	case commands.OpHello:
		st.hello(args[1:])
		s.link.SetUser(s.identity())
	case commands.OpReset:
		*st = state{}
		s.spoilt = true
	case commands.OpClientSetName:
		st.name = str(2)
	case commands.OpClientSetInfo:
		if bytes.EqualFold(args[2], []byte("lib-name")) {
			st.libName = str(3)
		} else {
			st.libVersion = str(3)
		}
	}
}

func (st *state) authenticated(args [][]byte) {
	st.authed, st.user = true, ""
	if len(args) == 2 {
		st.user, args = string(args[0]), args[1:]
	}
	st.pass = string(args[0])
}

// hello records HELLO [proto [AUTH user password] [SETNAME name]].
func (st *state) hello(args [][]byte) {
	if len(args) == 0 {
		return
	}
	st.proto, _ = strconv.Atoi(string(args[0]))
	for i := 1; i < len(args); {
		switch {
		case bytes.EqualFold(args[i], []byte("auth")) && i+2 < len(args):
			st.authenticated(args[i+1 : i+3])
			i += 3
		case bytes.EqualFold(args[i], []byte("setname")) && i+1 < len(args):
			st.name = string(args[i+1])
			i += 2
		default:
			return // the upstream took it, though we do not know it
		}
	}
}

func changesConnection(op commands.Op) bool {
	switch op {
	case commands.OpSelect, commands.OpAuth, commands.OpHello, commands.OpClientSetName, commands.OpClientSetInfo:
		return true
	}
	return false
}
