package e2e

import (
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// keptCells are the column "handed back": what makes the state and ends it, after which the connection serves the next
// one as if it were new.
var keptCells = []struct {
	state string
	lines []string
}{
	{"WATCH, by EXEC", []string{"WATCH k", "MULTI", "EXEC"}},
	{"WATCH, by DISCARD", []string{"WATCH k", "MULTI", "DISCARD"}},
	{"WATCH, by UNWATCH", []string{"WATCH k", "UNWATCH"}},
	{"MULTI, by EXEC", []string{"MULTI", "SET k v", "EXEC"}},
	{"MULTI, by DISCARD", []string{"MULTI", "SET k v", "DISCARD"}},
	{"MULTI, aborted", []string{"MULTI", "NOSUCH", "EXEC"}},
	{"blocked, by its reply", []string{"BLPOP q 0.01"}},
	{"db", []string{"SELECT 3", "WATCH k", "SET k three", "UNWATCH"}},
	{"protocol", []string{"HELLO 3", "WATCH k", "UNWATCH"}},
	{"name", []string{"CLIENT SETNAME joe", "WATCH k", "UNWATCH"}},
}

// TestStateHandedBack: clean connections are reused, and the next one finds nothing of the last one's.
func TestStateHandedBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		warm := st.dial(t)
		warm.lines("WATCH k", "UNWATCH")
		for _, cell := range keptCells {
			t.Run(cell.state, func(t *testing.T) {
				st.admin.Do("FLUSHALL")
				first, second := st.dial(t), st.dial(t)
				first.lines(cell.lines...)
				opened := st.relay.Opened()
				st.admin.Do("SET", "k", "other") // a watch that was left would see it
				got := second.lines("MULTI", "GET k", "CLIENT GETNAME", "HGETALL none", "EXEC", "WATCH k", "GET k", "UNWATCH")
				if want := "+OK|+QUEUED|+QUEUED|+QUEUED|*3|$5|other|$-1|*0|+OK|$5|other|+OK|"; got != want {
					t.Errorf("the next one got %q, want %q", got, want)
				}
				if now := st.relay.Opened(); now != opened {
					t.Errorf("%d connections were opened for the next one", now-opened)
				}
			})
		}
	})
}

// TestStateNeverHandedBack: what nothing reliably undoes ends with its connection.
func TestStateNeverHandedBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		for _, line := range []string{"SUBSCRIBE ch", "PSUBSCRIBE ch", "MONITOR", "CLIENT TRACKING ON BCAST", "CLIENT GETREDIR", "READONLY"} {
			t.Run(line, func(t *testing.T) {
				keeper := st.dial(t)
				keeper.must("+PONG\r\n", "PING")
				before := st.relay.Open()
				c := st.dial(t)
				c.do(words(line)...)
				if now := st.relay.Open(); now != before+1 {
					t.Errorf("%d connections for the state, want 1", now-before)
				}
				c.Close()
				eventually(t, "its connection is closed", func() bool { return st.relay.Open() == before })
			})
		}
	})
}

// insideCells are the column "inside MULTI".
var insideCells = []struct {
	state string
	from  string
	lines []string
	want  string // how it begins: the wording is the server's
	keeps bool   // the connection is the client's own from here on
}{
	{"db", "", []string{"MULTI", "SELECT 3", "SET k v", "EXEC", "GET k"}, "+OK|+QUEUED|+QUEUED|*2|+OK|+OK|$1|v|", true},
	{"name", "", []string{"MULTI", "CLIENT SETNAME joe", "EXEC", "CLIENT GETNAME"}, "+OK|+QUEUED|*1|+OK|$3|joe|", true},
	{"protocol", "", []string{"MULTI", "PING", "EXEC", "HELLO 3", "MULTI", "GET none", "EXEC"}, "", false},
	{"MULTI", "", []string{"MULTI", "MULTI", "EXEC"}, "+OK|-ERR ", false},
	{"WATCH", "", []string{"MULTI", "WATCH k", "DISCARD"}, "+OK|-ERR ", false},
	{"blocked", "", []string{"MULTI", "BLPOP none 0", "EXEC"}, "+OK|+QUEUED|*1|*-1|", false},
	{"NO-EVICT", "7", []string{"MULTI", "CLIENT NO-EVICT on", "EXEC"}, "+OK|+QUEUED|*1|+OK|", true},
	{"tracking", "", []string{"MULTI", "CLIENT TRACKING ON BCAST", "EXEC"}, "+OK|+QUEUED|*1|+OK|", true},
}

// TestStateInsideMulti: what takes effect at EXEC is the client's own from then on.
func TestStateInsideMulti(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		for _, cell := range insideCells {
			if !s.AtLeast(cell.from) {
				continue
			}
			t.Run(cell.state, func(t *testing.T) {
				c := st.dial(t)
				if got := c.lines(cell.lines...); !strings.HasPrefix(got, cell.want) {
					t.Errorf("got %q, want %q", got, cell.want)
				}
				want := int64(0)
				if cell.keeps {
					want = 1
				}
				eventually(t, "the connection is kept, or given back", func() bool { return st.Snapshot().Loops[0].Upstreams.Pinned == want })
				c.Close()
				eventually(t, "it is gone", func() bool { return st.Snapshot().Loops[0].Upstreams.Pinned == 0 })
			})
		}
	})
}

// TestTransactionsOpenNothing: a thousand transactions, each sent in pieces, open no connection.
func TestTransactionsOpenNothing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		clients := []*client{st.dial(t), st.dial(t), st.dial(t)}
		for _, c := range clients {
			c.lines("MULTI", "PING", "EXEC")
		}
		opened := st.relay.Opened()
		for i := range 1000 {
			c := clients[i%len(clients)]
			if got := c.lines("WATCH k", "MULTI", "INCR n", "EXEC"); !strings.HasPrefix(got, "+OK|+OK|+QUEUED|*1|:") {
				t.Fatalf("transaction %d: %q", i, got)
			}
		}
		if now := st.relay.Opened(); now != opened {
			t.Errorf("1,000 transactions opened %d connections", now-opened)
		}
		if got := st.admin.Do("GET", "n"); got != bulk("1000") {
			t.Errorf("n is %q", got)
		}
	})
}

// TestWaitStoppedReplica: WAIT 1 answers 0 while the replica is stopped, whatever else writes, and 1 once it goes on.
func TestWaitStoppedReplica(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, func(c *proxy.Config) { c.Loops = 1 })
		host, port, _ := strings.Cut(s.Addr, ":")
		replica := s.Another(t, "--replicaof", host, port)
		eventually(t, "the replica follows", func() bool { return strings.Contains(st.admin.Do("INFO", "replication"), "state=online") })
		other := st.dial(t)
		other.must("+OK\r\n", "SET", "k", "v")
		other.must(":1\r\n", "WAIT", "1", "20000")
		replica.Pause(t)
		for _, write := range [][]string{
			{"SET k w"}, {"MULTI", "SET k x", "EXEC"}, {"WATCH k", "MULTI", "INCR n", "EXEC"},
			{"SELECT 2", "SET k y", "SELECT 0"}, {"SET p:1 x", "PURGE p:*"},
		} {
			c := st.dial(t)
			c.lines(write...)
			other.must("+OK\r\n", "SET", "other", "x")
			if got := c.do("WAIT", "1", "100"); got != ":0\r\n" {
				t.Errorf("after %q: %q", write, got)
			}
		}
		replica.Continue(t)
		c := st.dial(t)
		c.must("+OK\r\n", "SET", "k", "z")
		c.must(":1\r\n", "WAIT", "1", "20000")
	})
}
