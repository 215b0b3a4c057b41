package session_test

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/sim"
)

var (
	seeds     = flag.Int("seeds", 300, "seeds that the simulation tries")
	firstSeed = flag.Uint64("seed", 1, "the first of them")
	goOn      = flag.Bool("goon", false, "after a seed that fails go on with the next, and tell one line of each")
)

// stepwiseSeed is the seed from which on clients also send PURGE with SNAPSHOT and
// SWEEP. Those below do what they did before there was any.
const stepwiseSeed = 1 << 40

// match is one run: clients against the proxy's inside, with faults.
type match struct {
	*rig
	seed    uint64
	players []*player
	nextID  int
	cmds    map[string]*cmd
	blocks  map[string]*block
	peers   map[int]*seen
	healing bool
	over    bool
	replies int
	gone    int

	// The run's character.
	leave, depth, faults int
	long                 int // commands too long to buffer that may still be sent
	raws                 bool
	wipes, wiped         bool            // a server that dies may lose its data, and has
	found                bool            // that the server demands AUTH is found out by being told so
	rotated              map[string]bool // users whose password was changed
}

const (
	noAuth    = "-NOAUTH Authentication required.\r\n"
	wrongPass = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	simPush   = ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n"
)

func itoa(n int) string { return strconv.Itoa(n) }

func (c *player) idText() string { return itoa(c.id) }

func newMatch(seed uint64) *match {
	m := &match{rig: newRig(seed), seed: seed, cmds: map[string]*cmd{}, blocks: map[string]*block{}, peers: map[int]*seen{}}
	r := m.w.Rnd
	m.srv.Before, m.srv.Executed = m.before, m.executed
	m.rotated = map[string]bool{}
	m.srv.Users = map[string]string{"ann": "pw-ann", "bob": "pw-bob"}
	m.leave, m.depth = r.IntN(8), 1+r.IntN(12)
	m.faults = []int{0, 1, 1, 4, 20}[r.IntN(5)]
	m.w.Pieces = []int{0, 30, 90}[r.IntN(3)]
	m.raws, m.wipes = r.IntN(2) == 0, r.IntN(2) == 0
	if r.IntN(10) == 0 {
		m.long = 2
	}
	if r.IntN(8) == 0 {
		m.srv.Password = "pw-default"
		m.found = r.IntN(2) == 0
		m.env.AuthRequired = !m.found
		m.long = 0 // too long for one who has not authenticated
	}
	m.up.Wait = []time.Duration{50 * time.Millisecond, time.Second}[r.IntN(2)]
	return m
}

// join adds a client.
func (m *match) join() {
	m.nextID++
	c := &player{m: m, id: m.nextID, bornAt: m.w.Breaks, proto: 2, subs: map[string]bool{}, heardAt: m.w.Now()}
	c.sess.Init(m.env, c)
	m.players = append(m.players, c)
	c.tick(0)
}

// fault brings about what may befall an upstream, and again after a while.
func (m *match) fault() {
	if m.healing {
		return
	}
	r := m.w.Rnd
	switch n := r.IntN(20); {
	case n < 10:
		if conns := m.w.Conns(); len(conns) > 0 {
			conns[r.IntN(len(conns))].Cut()
		}
	case n < 13 && m.srv.Up:
		wipe := r.IntN(2) == 0 && m.wipes
		m.wiped = m.wiped || wipe
		m.srv.Die(wipe)
		m.w.After(time.Duration(r.Int64N(int64(100*time.Millisecond))), func() {
			if !m.srv.Up {
				m.srv.Restart()
			}
		})
	case n < 15:
		m.srv.Stall(true)
		m.w.After(time.Duration(r.Int64N(int64(30*time.Millisecond))), func() { m.srv.Stall(false) })
	case n < 16 && r.IntN(3) == 0 && m.srv.Users["ann"] == "pw-ann":
		m.srv.Users["ann"], m.rotated["ann"] = "another", true
	case n < 17:
		for _, p := range m.srv.Peers() {
			if p.Proto == 3 && r.IntN(2) == 0 {
				p.Push(simPush)
			}
		}
	case n < 18:
		m.srv.Deaf = !m.srv.Deaf
	default:
		m.srv.FlushScripts()
	}
	m.w.After(time.Duration(r.Int64N(int64(200*time.Millisecond)/int64(m.faults))), m.fault)
}

// play runs the match to its end.
func (m *match) play(length time.Duration) {
	r := m.w.Rnd
	for range 1 + r.IntN(8) {
		m.join()
	}
	if m.faults > 0 {
		m.w.After(10*time.Millisecond, m.fault)
	}
	end := m.w.Now() + int64(length)
	for m.w.Now() < end && m.w.Step() {
		for len(m.players)-m.gone < 2 && m.w.Now() < end {
			m.join()
		}
	}
	m.heal()
	m.tally()
}

// heal ends all faults and lets every client come to an end.
func (m *match) heal() {
	m.healing = true
	m.srv.Deaf = false
	m.srv.Users["ann"] = "pw-ann"
	m.srv.Stall(false)
	if !m.srv.Up {
		m.srv.Restart()
	}
	m.w.Tracef("--- no faults from here on")
	for _, c := range m.players {
		c.tick(0)
	}
	m.w.RunFor(10 * time.Second)
	for _, c := range m.players {
		if m.w.Traced() {
			m.w.Tracef("client %d, closed %v: %s", c.id, c.closed, c.sess.Dump())
		}
	}
	for _, c := range m.players {
		switch {
		case c.closed:
		case c.eof, c.quits:
			m.w.Fail("client %d has ended and is still not closed; unanswered: %d; finishing %v, %d bytes not taken; %s", c.id, len(c.queue), c.finishing, len(c.out), c.sess.Dump())
		case len(c.queue) > 0:
			m.w.Fail("client %d has had no reply to %s %s, and %d more; %s", c.id, c.queue[0].name, c.queue[0].mark, len(c.queue)-1, c.sess.Dump())
		case c.paused:
			m.w.Fail("client %d is still paused", c.id)
		case c.sess.InFlight() != 0 && !c.raw:
			m.w.Fail("client %d: in flight %d, but everything is answered", c.id, c.sess.InFlight())
		}
		if !c.closed && m.w.Rnd.IntN(2) == 0 {
			c.drained = true
			c.sess.Drain()
			c.tick(0)
		} else if !c.closed {
			c.eof = true
			c.sess.EOF()
			c.tick(0)
		}
	}
	m.w.RunFor(3 * time.Second)
	for _, c := range m.players {
		if !c.closed {
			m.w.Fail("client %d ended its input and was not closed", c.id)
		}
		if c.sess.HoldsGate() {
			m.w.Fail("client %d has gone with the gate", c.id)
		}
	}
	if n := m.env.Counts.Purging; n != 0 {
		m.w.Fail("%d PURGEs in steps are still under way", n)
	}
	m.over = true
	m.settleDown(m.w.Fail)
}

// try runs one seed. What went wrong comes back as text.
func try(seed uint64, length time.Duration, record bool) (m *match, failure string) {
	m = newMatch(seed)
	if record {
		m.w.Record()
		last := map[int]bool{}
		m.w.Check = func() {
			for _, c := range m.players {
				if h := c.sess.HoldsGate(); h != last[c.id] {
					last[c.id] = h
					m.w.Tracef("client %d holds gate %v", c.id, h)
				}
			}
		}
	}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case sim.Failure:
			failure = v.Text
		default:
			failure = fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	m.play(length)
	return m, ""
}

// prime has the refusals numbered that the clients will meet: a seed must do the
// same whichever ran before it.
func prime(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.send("MODSTATE", "eval x 0", "sync", "PURGE", "PURGE x NOSUCH")
	r.run()
	r.end(t, c)
}

// TestSimulation plays clients with pipelines, transactions and bad manners
// against an upstream that is cut, dies, stalls and forgets its scripts. Every
// reply is compared with what the server said to that very command.
func TestSimulation(t *testing.T) { simulate(t, *firstSeed) }

// TestSimulationSteps is the same with PURGEs in steps among the commands.
func TestSimulationSteps(t *testing.T) { simulate(t, stepwiseSeed|*firstSeed) }

func simulate(t *testing.T, first uint64) {
	const length = 400 * time.Millisecond
	steps, replies, commands, breaks := 0, 0, 0, 0
	began := time.Now()
	prime(t)
	for i := range *seeds {
		seed := first + uint64(i)
		m, failure := try(seed, length, false)
		steps += m.w.Steps
		replies += m.replies
		commands += len(m.cmds)
		breaks += m.w.Breaks
		if failure == "" {
			continue
		}
		if *goOn {
			t.Errorf("seed %d: %.300s", seed, strings.ReplaceAll(failure, "\n", " "))
			continue
		}
		again, same := try(seed, length, true)
		if same == "" {
			same = "(did not happen again)"
		}
		name := fmt.Sprintf("%s/sim-%d.trace", os.TempDir(), seed)
		if err := os.WriteFile(name, []byte(strings.Join(again.w.Trace(1<<30), "\n")), 0o644); err != nil {
			t.Log(err)
		}
		t.Fatalf("seed %d: %s\n\nthe last of the trace (all of it: %s)\n%s\n\nagain: %s\n\nto run it: go test ./proxy/session -run Simulation -seeds 1 -seed %d",
			seed, failure, name, strings.Join(again.w.Trace(60), "\n"), same, seed)
	}
	took := time.Since(began)
	t.Logf("%d seeds: %d turns, %d commands, %d replies, %d losses in %v (%.0f turns a second)",
		*seeds, steps, commands, replies, breaks, took.Round(time.Millisecond), float64(steps)/took.Seconds())
	if commands == 0 || float64(replies) < 0.5*float64(commands) || (*seeds > 50 && breaks == 0) {
		t.Errorf("the simulation has hardly tried anything")
	}
}
