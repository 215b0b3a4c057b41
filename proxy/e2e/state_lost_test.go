package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// The tests in the files state_*_test.go go through the table "state and what can befall it" at real servers: what
// becomes of each state when its upstream connection is lost (this file), when the client's user is gone
// (state_identity_test.go), inside MULTI and when the connection is handed back (state_kept_test.go).

// stage is a proxy before a server, with a relay in between that can break its upstream connections.
type stage struct {
	*running
	s     *redistest.Server
	relay *faultconn.Relay
	admin *redistest.Client
}

func newStage(t *testing.T, s *redistest.Server, change func(*proxy.Config)) *stage {
	t.Helper()
	st := &stage{s: s, relay: faultconn.Start(t, s.Addr, nil), admin: s.Dial(t)}
	cfg := config("redis://" + st.relay.Addr)
	cfg.Loops = 1
	cfg.Upstream.Wait = 5 * time.Second
	if change != nil {
		change(&cfg)
	}
	st.running = startReady(t, cfg)
	return st
}

// links are the upstream connections of clients, those that are kept for the next one included, and losses how many
// were lost up to now.
func (st *stage) links() (links, losses int64) {
	l := st.Snapshot().Loops[0]
	return l.Upstreams.Shared + l.Upstreams.Pinned + l.Upstreams.Free, int64(l.Reconnects)
}

// lose breaks every upstream connection and returns when the proxy has seen that of each.
func (st *stage) lose(t *testing.T, breakAll func()) {
	t.Helper()
	links, before := st.links()
	breakAll()
	eventually(t, "the losses are noticed", func() bool {
		_, now := st.links()
		return now >= before+links
	})
}

// reset is a network that fails; kill is an administrator.
func (st *stage) reset() { st.relay.KillAll(true) }

func (st *stage) kill() {
	st.admin.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	st.admin.Do("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")
}

// lines sends commands one by one and joins the replies, line ends written as "|".
func (c *client) lines(commands ...string) string {
	c.tb.Helper()
	var b strings.Builder
	for _, line := range commands {
		b.WriteString(c.do(words(line)...))
	}
	return strings.ReplaceAll(b.String(), "\r\n", "|")
}

const (
	toldUncertain = "-UNCERTAIN upstream connection lost before the reply; the command may or may not have run|"
	noOffset      = "-UNCERTAIN the connection of the last write is not there any more, or the writes went over several; how far they were replicated is not known|"
	aborted       = "-EXECABORT Transaction discarded because of previous errors.|"
)

// lostCells are the first column: what a client learns whose state was lost with its connection.
var lostCells = []struct {
	state  string
	from   string   // older servers have it not
	before []string // answered before the loss
	during []string // on their way when it comes
	lost   string   // what the client is told about those
	after  []string
	want   string
	closed bool // the client is closed
}{
	{state: "none", before: []string{"SET k v"}, after: []string{"GET k"}, want: "$1|v|"},
	{state: "none, a write in flight", during: []string{"SET k v"}, lost: toldUncertain, after: []string{"PING"}, want: "+PONG|"},
	{state: "none, a read in flight", during: []string{"GET k"}, lost: "$-1|", after: []string{"PING"}, want: "+PONG|"},
	{state: "db", before: []string{"SELECT 3", "SET k three"}, after: []string{"GET k"}, want: "$5|three|"},
	{state: "protocol", before: []string{"HELLO 3"}, after: []string{"GET none"}, want: "_|"},
	{state: "name", before: []string{"CLIENT SETNAME joe"}, after: []string{"CLIENT GETNAME"}, want: "$3|joe|"},
	{state: "name, while watching", before: []string{"CLIENT SETNAME joe", "WATCH k"}, after: []string{"CLIENT GETNAME"}, want: "$3|joe|"},
	{state: "WATCH", before: []string{"WATCH k"}, after: []string{"MULTI", "SET k v", "EXEC", "GET k"}, want: "+OK|+QUEUED|*-1|$-1|"},
	{state: "WATCH, RESP3", before: []string{"HELLO 3", "WATCH k"}, after: []string{"MULTI", "SET k v", "EXEC", "GET k"}, want: "+OK|+QUEUED|_|_|"},
	{state: "MULTI", before: []string{"MULTI", "SET k v"}, after: []string{"SET k w", "EXEC", "GET k"}, want: "+QUEUED|" + aborted + "$-1|"},
	{state: "MULTI, discarded", before: []string{"MULTI", "SET k v"}, after: []string{"DISCARD", "GET k"}, want: "+OK|$-1|"},
	{state: "EXEC written", before: []string{"MULTI", "SET k v"}, during: []string{"EXEC"}, lost: toldUncertain, after: []string{"PING"}, want: "+PONG|"},
	{state: "blocked", before: []string{"WATCH k", "UNWATCH"}, during: []string{"BLPOP q 0"}, lost: toldUncertain, after: []string{"PING"}, want: "+PONG|"},
	{state: "offset of the last write", before: []string{"SET k v"}, after: []string{"WAIT 0 0", "SET k w", "WAIT 0 0"}, want: noOffset + "+OK|:0|"},
	{state: "SUBSCRIBE", before: []string{"SUBSCRIBE ch"}, closed: true},
	{state: "PSUBSCRIBE", before: []string{"PSUBSCRIBE ch*"}, closed: true},
	{state: "SSUBSCRIBE", from: "7", before: []string{"SSUBSCRIBE ch"}, closed: true},
	{state: "SUBSCRIBE, RESP3", before: []string{"HELLO 3", "SUBSCRIBE ch"}, closed: true},
	{state: "MONITOR", before: []string{"MONITOR"}, closed: true},
	{state: "tracking", before: []string{"HELLO 3", "CLIENT TRACKING ON", "GET k"}, closed: true},
	{state: "NO-EVICT", from: "7", before: []string{"CLIENT NO-EVICT on"}, closed: true},
	{state: "CLIENT INFO and whatever else is not known", before: []string{"CLIENT GETREDIR"}, closed: true},
	{state: "made by EXEC", before: []string{"MULTI", "SELECT 2", "EXEC"}, closed: true},
}

func TestStateLost(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		for name, breakAll := range map[string]func(){"reset": st.reset, "killed upstream": st.kill} {
			for _, cell := range lostCells {
				if !s.AtLeast(cell.from) || len(cell.during) > 0 && name != "reset" {
					continue
				}
				t.Run(cell.state+", "+name, func(t *testing.T) {
					st.admin.Do("FLUSHALL")
					c := st.dial(t)
					c.lines(cell.before...)
					if len(cell.during) > 0 {
						st.inFlight(t, c, cell.during)
					} else {
						st.lose(t, breakAll)
					}
					if cell.lost != "" {
						got, err := c.Receive()
						if err != nil || strings.ReplaceAll(got, "\r\n", "|") != cell.lost {
							t.Errorf("told %q, %v; want %q", got, err, cell.lost)
						}
					}
					if cell.closed {
						if !c.closed() {
							t.Error("the client is still connected")
						}
						return
					}
					if got := c.lines(cell.after...); got != cell.want {
						t.Errorf("afterwards %q, want %q", got, cell.want)
					}
				})
			}
		}
	})
}

// inFlight sends commands that get as far as the relay, and breaks the connections then.
func (st *stage) inFlight(t *testing.T, c *client, commands []string) {
	t.Helper()
	st.relay.Stall()
	for _, line := range commands {
		c.say(words(line)...)
	}
	eventually(t, "they are on their way", func() bool { return st.Snapshot().Loops[0].InFlight == int64(len(commands)) })
	st.lose(t, st.reset)
	st.relay.Resume()
}

// TestSilentClientLost: CLIENT REPLY OFF is state like any other, although nothing can be said about its loss.
func TestSilentClientLost(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		c := st.dial(t)
		c.say("CLIENT", "REPLY", "OFF")
		c.say("SET", "k", "v")
		eventually(t, "the write is there", func() bool { return st.admin.Do("GET", "k") == bulk("v") })
		st.lose(t, st.kill)
		if !c.closed() {
			t.Error("the client is still connected")
		}
	})
}
