package sim

import (
	"errors"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// Script is one text of the script cache.
type Script struct {
	Name string // "purge", "purge-dryrun", "fail", "marker"
	SHA1 string
	Body string
}

// Server is the simulated Redis.
type Server struct {
	// Up: it accepts connections. Deaf: nobody answers, as behind a firewall.
	Up, Deaf bool
	// Stalled: it reads nothing and answers nothing.
	Stalled bool
	// Password, if set, is what AUTH must give before anything else runs; Users
	// are further names and their passwords.
	Password string
	Users    map[string]string
	// Catalogue is what Load loads; Marker is the command that proves it.
	Catalogue []Script
	Marker    []byte
	// EagerHello: HELLO authenticates while it reads its options, as Redis 6 does,
	// so that an error behind AUTH leaves the connection another user's.
	EagerHello bool
	// OneID: every connection is told the id 1, so that replies can be compared.
	OneID bool
	// Before is called for every command before it runs or is queued.
	Before func(p *Peer, c *Call)
	// Executed is called for every EXEC that runs, before it does.
	Executed func(p *Peer, block string, queue []*Call)
	// Records tell what became of each command that carried a mark.
	Records map[string]*Record
	// Version of the run: every start is another.
	Run int

	w      *World
	dbs    map[int]map[string]*value
	loaded map[string]*Script
	peers  []*Peer // open, in the order of their ids
	npeer  int
	runs   int
}

// A Record is what the server remembers of a marked command.
type Record struct {
	Runs    int      // how often it was carried out
	Queued  int      // how often it was queued in a MULTI
	Replies []string // what it was answered each time
	Conn    int      // the connection that it last came on
	Conns   []int    // all that it came on
	DB      int      // the state of that connection then
	Proto   int
	User    string
	Order   int // number of its first run among all runs
}

func newServer(w *World) *Server {
	return &Server{
		Up: true, Run: 1, w: w, dbs: map[int]map[string]*value{}, loaded: map[string]*Script{},
		Records: map[string]*Record{}, Users: map[string]string{},
	}
}

func (s *Server) record(mark string) *Record {
	r := s.Records[mark]
	if r == nil {
		r = &Record{}
		s.Records[mark] = r
	}
	return r
}

// AppendMarker makes Server an upstream.Scripts.
func (s *Server) AppendMarker(dst []byte) ([]byte, bool) {
	return append(dst, s.Marker...), s.Marker != nil
}

var errDown = errors.New("sim: the server is down")

// Load loads the catalogue, over a connection that is not modelled.
func (s *Server) Load(_ string, done func(error)) {
	s.w.Soon(func() {
		if !s.Up || s.Deaf || s.Stalled {
			s.w.After(100*time.Millisecond, func() { s.w.Post(func() { done(errDown) }) })
			return
		}
		s.LoadNow()
		s.w.Soon(func() { s.w.Post(func() { done(nil) }) })
	})
}

// LoadNow fills the script cache.
func (s *Server) LoadNow() {
	for i := range s.Catalogue {
		s.loaded[s.Catalogue[i].SHA1] = &s.Catalogue[i]
	}
}

// FlushScripts empties the script cache, as an administrator may.
func (s *Server) FlushScripts() {
	s.w.Tracef("server: SCRIPT FLUSH")
	clear(s.loaded)
}

// Die ends every connection at once; wipe loses the data as well. Restart brings
// the server back, with an empty script cache.
func (s *Server) Die(wipe bool) {
	s.w.Tracef("server: dies, wipe %v", wipe)
	s.Up, s.Stalled = false, false
	for _, p := range append([]*Peer(nil), s.peers...) {
		p.die()
		c := p.conn
		c.faulty, c.broken, c.outEnded = true, true, true
		c.out = nil
		c.endIn(s.w.Rnd.IntN(2) == 0)
		c.sendOn()
	}
	if wipe {
		clear(s.dbs)
	}
}

// Restart ends Die.
func (s *Server) Restart() {
	s.w.Tracef("server: is back")
	s.Run++
	s.Up = true
	clear(s.loaded)
}

// Stall stops the server, and sets it going again.
func (s *Server) Stall(on bool) {
	s.w.Tracef("server: stalled %v", on)
	s.Stalled = on
	if !on {
		for _, p := range append([]*Peer(nil), s.peers...) {
			p.run()
		}
	}
}

// Peers are the server's open connections, oldest first.
func (s *Server) Peers() []*Peer { return s.peers }

// Get returns the string at a key and whether there is one.
func (s *Server) Get(db int, key string) (string, bool) {
	v := s.dbs[db][key]
	if v == nil || v.list {
		return "", false
	}
	return string(v.str), true
}

// List returns the elements of a list.
func (s *Server) List(db int, key string) []string {
	var out []string
	if v := s.dbs[db][key]; v != nil {
		for _, e := range v.elems {
			out = append(out, string(e))
		}
	}
	return out
}

// Direct returns a connection that is served at once and whose replies go to
// send: the bytes of a client without a proxy.
func (s *Server) Direct(send func([]byte)) *Peer {
	p := s.newPeer()
	p.direct = send
	return p
}

func (s *Server) accept(c *Conn) *Peer {
	p := s.newPeer()
	p.conn = c
	return p
}

func (s *Server) newPeer() *Peer {
	s.npeer++
	p := &Peer{ID: s.npeer, s: s, authed: s.Password == "", Proto: 2}
	s.peers = append(s.peers, p)
	return p
}

// Peer is the server's end of one connection.
type Peer struct {
	ID    int
	DB    int
	Proto int
	Name  string
	User  string
	Multi bool
	Subs  []string
	Last  any // for the test's own use

	s       *Server
	conn    *Conn
	direct  func([]byte)
	req     resp.Requests
	buf     []byte
	ended   bool // the client's sending side has ended
	dead    bool
	authed  bool
	queue   []*Call
	failed  bool // EXEC will abort
	watches []watched
	dirty   bool // a watched key has changed
	blocked *blocked
	mute    bool // CLIENT REPLY OFF
	skip    bool // CLIENT REPLY SKIP: the next reply is left out
	running bool
}

var serverLimits = resp.DefaultLimits()

// Data gives the peer bytes of a client without a proxy.
func (p *Peer) Data(b []byte) { p.data(b) }

// Refuse answers in the server's stead with a complete error, as if the server
// had refused a command with it before it ran.
func (p *Peer) Refuse(text string) {
	if p.Multi {
		p.failed = true
	}
	p.answer(&Call{}, []byte(text))
}

// Waiting is how many bytes came that are not served yet.
func (p *Peer) Waiting() int { return len(p.buf) }

// Close closes the connection, as for a frame that is none.
func (p *Peer) Close() { p.close() }

// Push sends what the client has not asked for, between two replies.
func (p *Peer) Push(frame string) {
	if !p.dead {
		p.write([]byte(frame))
	}
}

// id is what CLIENT ID says.
func (p *Peer) id() int {
	if p.s.OneID {
		return 1
	}
	return p.ID
}

// Closed reports whether the server has closed the connection.
func (p *Peer) Closed() bool { return p.dead }

// Conn is the proxy's end; nil for a client without a proxy.
func (p *Peer) Conn() *Conn { return p.conn }

// Watches returns the keys that the connection watches.
func (p *Peer) Watches() []string {
	var keys []string
	for _, w := range p.watches {
		keys = append(keys, w.key)
	}
	return keys
}

// Blocked reports whether a command of the connection waits for an element.
func (p *Peer) Blocked() bool { return p.blocked != nil }

func (p *Peer) data(b []byte) {
	p.buf = append(p.buf, b...)
	p.run()
}

// eof ends the connection once what came before is served.
func (p *Peer) eof() {
	p.ended = true
	p.run()
}

// run serves what is there.
func (p *Peer) run() {
	if p.dead || p.s.Stalled || p.running {
		return
	}
	p.running = true
	for !p.dead && p.blocked == nil && len(p.buf) > 0 {
		lim := serverLimits
		lim.Auth = !p.authed
		n, err := p.req.Next(p.buf, &lim)
		if err != nil {
			p.write(appendError(nil, "ERR "+err.Error()))
			p.close()
			break
		}
		if n == 0 {
			break
		}
		p.command(p.buf[:n])
		p.buf = p.buf[n:]
	}
	p.running = false
	if len(p.buf) == 0 {
		p.buf = nil
	}
	if p.ended && !p.dead {
		p.close()
	}
}

// command serves one frame.
func (p *Peer) command(frame []byte) {
	switch p.req.Kind() {
	case resp.Empty:
		return
	case resp.Inline:
		out, argc, err := resp.AppendInline(nil, frame)
		if err != nil {
			p.write(appendError(nil, "ERR "+err.Error()))
			p.close()
			return
		}
		if argc == 0 {
			return
		}
		frame = out
	}
	var args []string
	for _, a := range resp.AppendArgs(nil, frame) {
		args = append(args, string(a))
	}
	p.call(newCall(args))
}

// write sends a reply or a push.
func (p *Peer) write(b []byte) {
	switch {
	case p.dead:
	case p.direct != nil:
		p.direct(b)
	default:
		p.conn.reply(b)
	}
}

// close ends the connection in order: what was written arrives.
func (p *Peer) close() {
	if p.dead {
		return
	}
	p.die()
	if p.conn != nil {
		p.conn.broken = true
		p.conn.finishIn()
	}
}

func (p *Peer) die() {
	p.dead = true
	p.unblock()
	p.watches = nil
	for i, o := range p.s.peers {
		if o == p {
			p.s.peers = append(p.s.peers[:i:i], p.s.peers[i+1:]...)
			return
		}
	}
}
