package session_test

import (
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/internal/sim"
	"github.com/atomicproxy/atomicproxy/proxy/session"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
	"github.com/atomicproxy/atomicproxy/proxy/upstream/control"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// rig is the proxy's inside on a simulated loop, before a simulated server.
type rig struct {
	w     *sim.World
	srv   *sim.Server
	env   *session.Env
	up    *upstream.Env
	gate  *session.Gate
	stats upstream.Stats
}

// catalogue is what the rigs share: it does not change.
var catalogue = sync.OnceValue(func() (c struct {
	registry *commands.Registry
	up       commands.Upstream
	known    map[string]control.Info
	texts    []sim.Script
	marker   []byte
	table    *session.Table
}) {
	reg, err := commands.Load(scripts.FS, commands.Settings{PurgeMaxScan: 100_000, PurgeLimit: 10_000})
	if err != nil {
		panic(err)
	}
	c.registry = reg
	c.up = commands.Upstream{Scripts: true, Shebang: true, ACLCheck: true, ReadOnlyEval: true}
	c.known = map[string]control.Info{}
	for name, i := range sim.Commands() {
		c.known[name] = control.Info{Arity: i.Arity, Write: i.Write, ReadOnly: i.Read, Blocking: i.Blocking,
			NoAuth: i.NoAuth, Scripting: name == "evalsha" || name == "evalsha_ro"}
	}
	for _, t := range reg.Texts(&c.up) {
		c.texts = append(c.texts, sim.Script{Name: t.Name, SHA1: t.SHA1, Body: t.Body})
	}
	c.marker = reg.AppendMarker(nil, &c.up)
	c.table = session.NewTable(session.Policy{}, reg, c.up, c.known, '\'')
	return c
})

func newRig(seed uint64) *rig {
	cat := catalogue()
	w := sim.NewWorld(seed)
	r := &rig{w: w, srv: w.Server, gate: session.NewGate(3)}
	r.srv.Catalogue, r.srv.Marker = cat.texts, cat.marker
	r.srv.LoadNow()
	r.env = &session.Env{
		Table: cat.table, Registry: cat.registry, Scripts: r.srv, Gate: r.gate, Post: w.Post,
		RewriteMax: 8 << 20, InputMax: 64 << 20, Multiplex: true,
		Directory: &session.Directory{}, Purges: &session.Purges{},
	}
	r.up = &upstream.Env{
		World: w, Scripts: r.srv, Wait: time.Second, DialTimeout: time.Second, Stats: &r.stats,
		Repeatable:   func(frame []byte) time.Duration { return r.env.Table.Repeatable(frame) },
		AuthRequired: func() { r.env.AuthRequired = true },
	}
	r.env.Links = upstream.NewSet(r.up, upstream.Key{}, 64)
	return r
}

// policy gives the rig a table of its own.
func (r *rig) policy(p session.Policy) {
	cat := catalogue()
	r.env.Table = session.NewTable(p, cat.registry, cat.up, cat.known, '\'')
	r.env.RawLua = p.RawLua
}

// link is the link that a server's connection carries.
func link(p *sim.Peer) *upstream.Link {
	if p.Conn() == nil {
		return nil
	}
	l, _ := p.Conn().Handler().(*upstream.Link)
	return l
}

// settleDown lets everything come to rest and checks that nothing is left of
// clients that have all gone.
func (r *rig) settleDown(fail func(format string, args ...any)) {
	r.w.RunFor(5 * time.Second)
	g := r.env.Links.Gauges()
	if g.InFlight != 0 || g.Pinned != 0 || g.Connecting != 0 || g.BufferedBytes != 0 {
		fail("left over when all clients had gone: %+v", g)
	}
	if n := len(r.w.Conns()); n != g.Shared+g.Free {
		fail("%d upstream connections are open for %d shared and %d free links", n, g.Shared, g.Free)
	}
	if r.env.Buffered != 0 {
		fail("%d bytes of input are still counted", r.env.Buffered)
	}
	for db := range 4 {
		entered, _ := r.gate.Enter(db, func() {})
		if !entered {
			fail("the gate of db %d is not free", db)
			continue
		}
		r.gate.Leave(db)
	}
}

// unexpected makes of t a fail function.
func unexpected(t *testing.T) func(string, ...any) {
	return func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) }
}
