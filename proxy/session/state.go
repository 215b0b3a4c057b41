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
	welcome    bool // the upstream has served it without authentication
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

// fresh is the state of a new session, and of one after RESET.
func (s *Session) fresh() state { return state{db: s.env.Default.DB} }

// identity is what a new connection has to be brought to for this session.
func (s *Session) identity() upstream.Identity {
	id := s.env.Default
	st := &s.state
	if st.authed {
		id.Auth, id.User, id.Password = true, st.user, s.env.Links.Password(st.user, st.pass)
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
	} else if op == commands.OpHello {
		// Redis 6 may have authenticated before it found the fault, and 7.0 given
		// the name: that connection alone knows.
		s.spoilt = true
		st.sticky = st.sticky || !s.locked() && namesItself(frame)
	}
}

// longestState bounds in bytes each name and password that is remembered.
const longestState = 4 << 10

// applied records a command that the upstream has carried out.
func (s *Session) applied(op commands.Op, frame []byte) {
	st := &s.state
	switch op {
	case commands.OpMulti:
		st.multi, st.failed = true, false
	case commands.OpDiscard:
		st.multi, st.watch, st.watchLost, st.failed = false, false, false, false
	case commands.OpWatch:
		st.watch = true
	case commands.OpUnwatch:
		st.watch, st.watchLost = false, false
	case commands.OpReset:
		*st = s.fresh()
		s.spoilt = true
	default:
		if changesConnection(op) {
			c := command{frame: frame}
			s.became(op, c.args(nil))
		}
	}
}

// became records what the connection is now, for the session and, if it is the
// session's own, for its link.
func (s *Session) became(op commands.Op, args [][]byte) {
	if need := map[commands.Op]int{commands.OpClientSetName: 3, commands.OpClientSetInfo: 4}[op]; len(args) < max(need, 2) && op != commands.OpHello {
		return // no server takes it; one that does is not to be believed
	}
	st := &s.state
	for _, a := range args {
		if len(a) > longestState {
			st.sticky = true // not remembered, so not made again elsewhere
			return
		}
	}
	id := &upstream.Identity{} // of no link: a shared one stays what it is
	if s.pinned {
		id = s.link.Identity()
	}
	switch op {
	case commands.OpSelect:
		st.db, _ = strconv.Atoi(string(args[1]))
		id.DB = st.db
	case commands.OpAuth:
		if len(args) == 2 {
			args = [][]byte{nil, nil, args[1]}
		}
		s.authenticated(id, args[1:])
	case commands.OpHello:
		s.hello(id, args)
	case commands.OpClientSetName:
		st.name = string(args[2])
		id.Name = st.name
	case commands.OpClientSetInfo:
		if isWord(args[2], "lib-name") {
			st.libName = string(args[3])
			id.LibName = st.libName
		} else {
			st.libVersion = string(args[3])
			id.LibVersion = st.libVersion
		}
	}
}

func (s *Session) authenticated(id *upstream.Identity, credentials [][]byte) {
	st := &s.state
	st.authed, st.user, st.pass = true, string(credentials[0]), string(credentials[1])
	s.env.Links.Accepted(st.user, st.pass)
	id.Auth, id.User, id.Password = true, st.user, st.pass
}

func (s *Session) hello(id *upstream.Identity, args [][]byte) {
	st := &s.state
	if len(args) < 2 {
		return
	}
	st.proto, _ = strconv.Atoi(string(args[1]))
	id.Proto = st.proto
	if credentials := helloCredentials(args); credentials != nil {
		s.authenticated(id, credentials)
	}
	for i := 2; i+1 < len(args); i++ {
		switch {
		case isWord(args[i], "auth"):
			i += 2
		case isWord(args[i], "setname"):
			st.name = string(args[i+1])
			id.Name = st.name
			i++
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
