package e2e

import (
	"runtime"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// ours are the goroutines of a proxy, by what stands in their stacks.
var ours = []string{"atomicproxy/proxy.(*", "atomicproxy/proxy/loop.", "atomicproxy/proxy/session.",
	"atomicproxy/proxy/upstream.", "atomicproxy/proxy/upstream/control.", "redis/go-redis"}

// leftovers are the stacks of all goroutines that belong to some proxy.
func leftovers() string {
	buf := make([]byte, 4<<20)
	var out []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, name := range ours {
			if strings.Contains(stack, name) && !strings.Contains(stack, "e2e.leftovers") {
				out = append(out, stack)
				break
			}
		}
	}
	return strings.Join(out, "\n\n")
}

// TestNothingIsLeft closes a proxy in the middle of everything: its clients see
// the end, the server loses all connections, and no goroutine stays.
func TestNothingIsLeft(t *testing.T) {
	s := redistest.Start(t)
	ca := newAuthority(t, "ca")
	cfg := secure(before(s), ca.issue(t, "server", "127.0.0.1"))
	cfg.Admin, cfg.Loops = "127.0.0.1:0", 2
	for range 3 {
		r := startReady(t, cfg)
		if leftovers() == "" {
			t.Fatal("a running proxy has no goroutine: this test looks for the wrong names")
		}
		var clients []*client
		for i, command := range []string{"GET k", "BLPOP never 0", "SUBSCRIBE ch", "MULTI", "MONITOR", "PURGE k*", "WATCH k"} {
			c := dialTLS(t, r.Addrs()[0], ca.trusting())
			if i%2 == 0 {
				c = dial(t, "tcp", r.Addrs()[1])
			}
			c.say(words(command)...)
			clients = append(clients, c)
		}
		dial(t, "tcp", r.Addrs()[0]) // a handshake that does not begin
		r.Close()
		r.Close() // once more does no harm
		for i, c := range clients {
			if !c.closed() {
				t.Errorf("client %d is still connected", i)
			}
		}
		direct := s.Dial(t)
		eventually(t, "the server has only this connection", func() bool {
			return strings.Count(direct.Do("CLIENT", "LIST"), " addr=") == 1
		})
		direct.Close()
	}
	eventually(t, "no goroutine is left", func() bool { return leftovers() == "" })
}
