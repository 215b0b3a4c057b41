package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestMaxClients: one more is refused in Redis's words, the others go on, and a
// place that is left is free again.
func TestMaxClients(t *testing.T) {
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Client.Max = 3
	r := startReady(t, cfg)
	var clients []*client
	for range 3 {
		c := r.dial(t)
		c.must("+PONG\r\n", "PING")
		clients = append(clients, c)
	}
	for range 5 {
		extra := r.dial(t)
		if got, err := extra.Receive(); err != nil || got != "-ERR max number of clients reached\r\n" {
			t.Errorf("one too many gets %q, %v", got, err)
		}
		if !extra.closed() {
			t.Error("one too many stays connected")
		}
	}
	for _, c := range clients {
		c.must("+PONG\r\n", "PING")
	}
	clients[0].Close()
	eventually(t, "the free place is taken", func() bool {
		reply, err := r.dial(t).Call("PING")
		return err == nil && reply == "+PONG\r\n"
	})
}

// TestMaxPinned: past the bound of upstream connections a command that needs one
// is refused, everything else goes on, and what comes free can be used.
func TestMaxPinned(t *testing.T) {
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Upstream.MaxPinned, cfg.Loops = 4, 1
	r := startReady(t, cfg)
	direct := s.Dial(t)
	var blocked []*client
	for i := range 4 { // one after the other, so that the first is served first
		c := r.dial(t)
		c.say("BLPOP", "list", "0")
		blocked = append(blocked, c)
		eventually(t, "it is blocked", func() bool {
			return strings.Contains(direct.Do("INFO", "clients"), fmt.Sprintf("blocked_clients:%d\r\n", i+1))
		})
	}
	c := r.dial(t)
	for _, command := range []string{"BLPOP list 0", "SUBSCRIBE ch", "WATCH k", "MULTI", "CLIENT TRACKING ON"} {
		c.mustFail("UNAVAILABLE", words(command)...)
		c.must("+OK\r\n", "SET", "k", "v")
	}
	c.must(":0\r\n", "PURGE", "nothing*")
	if got := direct.Do("RPUSH", "list", "x"); got != ":1\r\n" {
		t.Fatal(got)
	}
	blocked[0].hear("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n")
	c.must("+OK\r\n", "MULTI") // the connection of who got the element
	c.must("+QUEUED\r\n", "GET", "k")
	c.must("*1\r\n$1\r\nv\r\n", "EXEC")
	for _, b := range blocked[1:] {
		b.Close()
	}
	eventually(t, "there is room again", func() bool {
		fresh := r.dial(t)
		fresh.Timeout = time.Second
		reply, err := fresh.Call("SUBSCRIBE", "ch")
		return err == nil && reply[0] == '*'
	})
}

// TestWithoutMultiplexing: each client has an upstream connection of its own, and
// everything is as with it; what state the upstream's end takes is made again, or
// its loss is said.
func TestWithoutMultiplexing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		cfg := before(s)
		cfg.Multiplex = false
		cfg.Upstream.Wait = 3 * time.Second
		r := startReady(t, cfg)
		a, b := r.dial(t), r.dial(t)
		for _, c := range []*client{a, b} {
			work(c, "own")
		}
		direct := s.Dial(t)
		connections := func() int { return strings.Count(direct.Do("CLIENT", "LIST"), " addr=") }
		had := connections()
		for range 5 {
			r.dial(t).must("+PONG\r\n", "PING")
		}
		if now := connections(); now != had+5 {
			t.Errorf("5 more clients are %d more connections upstream", now-had)
		}
		a.must("+OK\r\n", "SELECT", "5")
		a.must("+OK\r\n", "CLIENT", "SETNAME", "ann")
		a.must("+OK\r\n", "SET", "k", "five")
		b.must("$-1\r\n", "GET", "k")
		b.must("*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n", "SUBSCRIBE", "ch")
		a.must(":1\r\n", "PUBLISH", "ch", "hi")
		b.hear("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n")
		a.must(":1\r\n", "PURGE", "k*")
		watcher := r.dial(t)
		watcher.must("+OK\r\n", "WATCH", "k")
		s.Restart(t)
		eventually(t, "ready again", func() bool { return r.Ready() == nil })
		if !b.closed() {
			t.Error("a subscriber whose subscription is lost is still connected")
		}
		a.must("+OK\r\n", "SET", "k", "again")
		direct = s.Dial(t)
		direct.Do("SELECT", "5")
		if got := direct.Do("GET", "k"); got != bulk("again") {
			t.Errorf("after the loss the client is in another db: %q", got)
		}
		a.must(bulk("ann"), "CLIENT", "GETNAME")
		watcher.must("+OK\r\n", "MULTI")
		watcher.must("+QUEUED\r\n", "SET", "w", "1")
		watcher.must("*-1\r\n", "EXEC")
		watcher.must("$-1\r\n", "GET", "w")
	})
}
