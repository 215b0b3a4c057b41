package e2e

import (
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// exchange is a command, or several in one write, whose connection is cut.
type exchange struct {
	name  string
	setup []string // commands for the upstream
	send  []string // commands in one write
	// allowed says whether the replies are honest, given what the upstream then holds under the key k.
	allowed func(replies []string, k string) bool
}

const (
	maybeRan = "-UNCERTAIN "
	notSent  = "-UNAVAILABLE "
)

// changed builds an exchange's verdict: the reply says that the effect happened, and it did, or that it did not, or that it
// is not known.
func changed(reply, before, after string) func([]string, string) bool {
	return func(replies []string, k string) bool {
		switch last := replies[len(replies)-1]; {
		case last == reply:
			return k == after
		case strings.HasPrefix(last, maybeRan):
			return k == before || k == after
		case strings.HasPrefix(last, notSent):
			return k == before
		}
		return false
	}
}

var exchanges = []exchange{
	{"GET", []string{"SET k v"}, []string{"GET k"}, func(r []string, k string) bool { return r[0] == "$1\r\nv\r\n" }},
	{"INCR", []string{"SET k 1"}, []string{"INCR k"}, changed(":2\r\n", "1", "2")},
	{"PURGE", []string{"SET k 1"}, []string{"PURGE k*"}, changed(":1\r\n", "1", "")},
	{"ONCE", []string{"SET k 1"}, []string{"ONCE t PX 60000 INCR k"}, func(r []string, k string) bool { return r[0] == ":2\r\n" && k == "2" }},
	{"transaction", []string{"SET k 1"}, []string{"MULTI", "INCR k", "EXEC"}, func(r []string, k string) bool {
		if strings.HasPrefix(r[2], "-EXECABORT ") {
			return k == "1"
		}
		return r[0] == "+OK\r\n" && r[1] == "+QUEUED\r\n" && changed("*1\r\n:2\r\n", "1", "2")(r, k)
	}},
	{"pipeline", []string{"SET k 1"}, []string{"GET k", "ONCE t PX 60000 INCR k", "GET k"}, func(r []string, k string) bool {
		// The first GET must not see what came after it: where it is asked again too late, it is left without an answer.
		first := r[0] == "$1\r\n1\r\n" || strings.HasPrefix(r[0], maybeRan)
		return first && r[1] == ":2\r\n" && r[2] == "$1\r\n2\r\n" && k == "2"
	}},
}

// TestCutAtEveryByte cuts the upstream connection after each number of bytes of an exchange, request and reply: each
// command has the right outcome, and the client's connection goes on.
func TestCutAtEveryByte(t *testing.T) {
	s := redistest.Start(t)
	relay := faultconn.Start(t, s.Addr, nil)
	p := start(t, config("redis://"+relay.Addr))
	direct := s.Dial(t)
	for _, e := range exchanges {
		for _, down := range []bool{false, true} {
			at := int64(0)
			for ; at < 2000; at++ {
				if !cutOnce(t, e, p, relay, direct, down, at) {
					break // the exchange is shorter than that
				}
			}
			if at < 4 || at == 2000 {
				t.Errorf("%s: cut %d times", e.name, at)
			}
		}
	}
}

// cutOnce runs one exchange with one cut. False: it was over before the cut.
func cutOnce(t *testing.T, e exchange, p *running, relay *faultconn.Relay, direct *redistest.Client, down bool, at int64) bool {
	t.Helper()
	direct.Do("FLUSHALL")
	for _, line := range e.setup {
		direct.Do(strings.Fields(line)...)
	}
	c := redistest.Dial(t, p.Addrs()[0])
	defer c.Close()
	if got := c.Do("GET", "warm"); got != "$-1\r\n" {
		t.Fatalf("before the cut: %q", got)
	}
	var b strings.Builder
	for _, line := range e.send {
		b.WriteString(redistest.Command(strings.Fields(line)...))
	}
	relay.CutNext(down, at)
	if err := c.Send(b.String()); err != nil {
		t.Fatal(err)
	}
	var replies []string
	for range e.send {
		r, err := c.Receive()
		if err != nil {
			t.Fatalf("%s, cut (down: %v) at %d: after %q: %v", e.name, down, at, replies, err)
		}
		replies = append(replies, r)
	}
	struck := relay.Struck()
	relay.CutNext(!down, 1<<40) // disarms
	if got := c.Do("ECHO", "still"); got != "$5\r\nstill\r\n" {
		t.Errorf("%s, cut (down: %v) at %d: then %q", e.name, down, at, got)
	}
	k := strings.TrimSuffix(direct.Do("GET", "k"), "\r\n")
	_, k, _ = strings.Cut(k, "\r\n")
	if !e.allowed(replies, k) {
		t.Errorf("%s, cut (down: %v) at %d: replies %q, k is %q", e.name, down, at, replies, k)
	}
	return struck
}
