package difftest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestPreAuthLimits sends big frames before AUTH, where the upstream demands it: the same error as the server's, and
// the end.
func TestPreAuthLimits(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "secret")
	addr := startProxy(t, s.Addr)
	for _, frame := range []string{
		"*100\r\n", "*11\r\n$4\r\nPING\r\n", "*2\r\n$100000000\r\n", "*2\r\n$4\r\nAUTH\r\n$16385\r\n",
		strings.Repeat("x", 2<<20), redistest.Command("PING") + "*100\r\n",
	} {
		want := playPieces(t, s.Addr, []string{frame}, 0)
		got := playPieces(t, addr, []string{frame}, 0)
		if got != want {
			t.Errorf("%.40q of %d bytes: %s", frame, len(frame), firstDifference(fmt.Sprintf("%q", want), fmt.Sprintf("%q", got)))
		}
	}
	c := redistest.Dial(t, addr)
	must(t, c, "+OK\r\n", "AUTH", "secret")
	must(t, c, redistest.Bulk(strings.Repeat("y", 20000)), "ECHO", strings.Repeat("y", 20000))
}

// TestCrossProtocol sends what a browser can be made to send: nothing of it runs.
func TestCrossProtocol(t *testing.T) {
	s := redistest.Start(t)
	addr := startProxy(t, s.Addr)
	direct := s.Dial(t)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\nSET forged 1\r\n",
		"post / HTTP/1.1\r\n\r\nSET forged 1\r\n",
		"GET / HTTP/1.1\r\nHost: localhost:6380\r\n\r\nSET forged 1\r\n",
		"GET / HTTP/1.1\r\nhOST: localhost:6380\r\n\r\nSET forged 1\r\n",
		"PUT / HTTP/1.1\r\nAccept: */*\r\nHOST: localhost\r\n\r\nSET forged 1\r\n",
		redistest.Command("POST") + "SET forged 1\r\n",
		redistest.Command("host:", "x") + redistest.Command("SET", "forged", "1"),
	} {
		for _, pieces := range [][]string{{request}, {request[:3], request[3:]}} {
			if got := playPieces(t, addr, pieces, time.Millisecond); strings.Contains(got, "+OK") || strings.Contains(got, "<silent>") {
				t.Errorf("%.40q: %q", request, got)
			}
		}
		if got := direct.Do("EXISTS", "forged"); got != ":0\r\n" {
			t.Fatalf("%.40q: a command behind it ran", request)
		}
	}
}

// TestNoRawLua tries each way to run Lua, in any case, inline, and in a transaction: none reaches the
// upstream.
func TestNoRawLua(t *testing.T) {
	const sum = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" // of "return 1"
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr)
		direct := s.Dial(t)
		direct.Do("SCRIPT", "LOAD", "return redis.call('SET','forged','1')")
		const forging = "return redis.call('SET','forged','1')"
		calls := [][]string{
			{"EVAL", forging, "0"}, {"eval", forging, "0"}, {"EvAl_rO", forging, "0"}, {"EVALSHA", sum, "0"}, {"evalsha_ro", sum, "0"},
			{"SCRIPT", "LOAD", forging}, {"script", "flush"}, {"FUNCTION", "LOAD", "#!lua name=x\n" + forging}, {"fcall", "f", "0"},
			{"FCALL_RO", "f", "0"}, {"function", "DELETE", "x"}, {"FUNCTION", "FLUSH"},
		}
		for _, call := range calls {
			c := redistest.Dial(t, addr)
			if got := c.Do(call...); got[0] != '-' {
				t.Errorf("%.60q: %q", call, got)
			}
			must(t, c, "+OK\r\n", "MULTI")
			if got := c.Do(call...); got[0] != '-' {
				t.Errorf("in MULTI, %.60q: %q", call, got)
			}
			if got := c.Do("EXEC"); !redistest.IsError(got, "EXECABORT") {
				t.Errorf("EXEC after %.60q: %q", call, got)
			}
			whole := redistest.Command("MULTI") + redistest.Command(call...) + redistest.Command("EXEC") + quit
			if got := playPieces(t, addr, []string{whole}, 0); !strings.Contains(got, "EXECABORT") {
				t.Errorf("a whole transaction with %.60q: %q", call, got)
			}
		}
		if got := playPieces(t, addr, []string{"eval \"" + forging + "\" 0\r\nQUIT\r\n"}, 0); got[0] != '-' {
			t.Errorf("EVAL in a line: %q", got)
		}
		must(t, direct, ":0\r\n", "EXISTS", "forged")
	})
}
