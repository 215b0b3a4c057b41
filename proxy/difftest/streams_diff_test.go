package difftest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// The tests here compare whole streams of replies, byte by byte: nothing in them varies by nature.

// streams runs f on each server, with an equal one behind the proxy.
func streams(t *testing.T, f func(t *testing.T, d *duel)) {
	t.Helper()
	for _, p := range redistest.Programs(t) {
		t.Run(p.Name, func(t *testing.T) {
			f(t, newDuel(t, redistest.StartProgram(t, p, serverArgs(p)...), startProxy))
		})
	}
}

// same plays pieces to both sides, each with its own new connection and fresh data, and compares all that comes back.
func (d *duel) same(t *testing.T, what string, whole string, pieces []string, pause time.Duration) {
	t.Helper()
	d.refill(t)
	want := playPieces(t, d.direct.addr, []string{whole}, 0)
	got := playPieces(t, d.proxied.addr, pieces, pause)
	if want != got && !d.allowed.allow(d.server, "stream", got) {
		d.report(t, "stream", "%s: %s", what, firstDifference(fmt.Sprintf("%q", want), fmt.Sprintf("%q", got)))
	}
	if strings.Contains(want, "<silent>") {
		t.Errorf("%s: the server neither closed nor went on: %.200q", what, want)
	}
}

var quit = redistest.Command("QUIT")

// conversation is short, and has every kind of request and reply in it.
var conversation = redistest.Command("SET", "k", "v\r\nw") + redistest.Command("GET", "k") + "PING\r\n" +
	redistest.Command("LRANGE", "list", "0", "-1") + redistest.Command("nosuch", "x") + redistest.Command("GET") +
	redistest.Command("INCR", "string") + "*0\r\n\r\n" + redistest.Command("GET", "missing") + "get number\n" +
	redistest.Command("MULTI") + redistest.Command("INCR", "number") + redistest.Command("EXEC") + redistest.Command("SET", "k", "")

// TestDifferentialCuts cuts a conversation at every byte.
func TestDifferentialCuts(t *testing.T) {
	streams(t, func(t *testing.T, d *duel) {
		whole := conversation + quit
		for at := range len(whole) {
			d.same(t, fmt.Sprintf("cut at byte %d", at), whole, []string{whole[:at], whole[at:]}, 300*time.Microsecond)
			if t.Failed() {
				return
			}
		}
		var bytewise []string
		for i := range len(whole) {
			bytewise = append(bytewise, whole[i:i+1])
		}
		d.same(t, "byte by byte", whole, bytewise, 50*time.Microsecond)
	})
}

// pipelineCommand makes one of many commands whose replies are the same on every server.
func pipelineCommand(rng *rand.Rand) string {
	key := fmt.Sprintf("p%d", rng.IntN(5))
	n := fmt.Sprint(rng.IntN(1000))
	switch rng.IntN(16) {
	case 0:
		return redistest.Command("SET", key, strings.Repeat(n, rng.IntN(300)))
	case 1:
		return redistest.Command("INCRBY", key+":n", n)
	case 2:
		return redistest.Command("RPUSH", key+":l", n, "\r\n", "")
	case 3:
		return redistest.Command("LRANGE", key+":l", "0", "20")
	case 4:
		return redistest.Command("HINCRBY", key+":h", "f", n)
	case 5:
		return redistest.Command("LPUSH", key, n) // WRONGTYPE, mostly
	case 6:
		return redistest.Command("NOSUCH"+n, key)
	case 7:
		return redistest.Command("GET") // too few
	case 8:
		return redistest.Command("MULTI") + redistest.Command("INCR", key+":n") + redistest.Command("GET", key) + redistest.Command("EXEC")
	case 9:
		return redistest.Command("MULTI") + redistest.Command("INCR") + redistest.Command("EXEC")
	case 10:
		return redistest.Command("RPUSH", key+":q", n) + redistest.Command("BLPOP", key+":q", "1")
	case 11:
		return redistest.Command("SELECT", fmt.Sprint(rng.IntN(3)))
	case 12:
		return redistest.Command("WATCH", key) + redistest.Command("UNWATCH")
	case 13:
		return redistest.Command("CLIENT", "SETNAME", "name"+n) + redistest.Command("CLIENT", "GETNAME")
	case 14:
		return "ECHO " + n + "\r\n"
	}
	return redistest.Command("GET", key)
}

// TestDifferentialPipelines plays pipelines of 1 to 1,000 commands, uncut and cut at random.
func TestDifferentialPipelines(t *testing.T) {
	streams(t, func(t *testing.T, d *duel) {
		for round, length := range []int{1, 2, 3, 10, 10, 30, 100, 100, 300, 1000, 1000} {
			rng := rand.New(rand.NewPCG(seed, uint64(round)))
			var b strings.Builder
			for range length {
				b.WriteString(pipelineCommand(rng))
			}
			whole := b.String() + quit
			d.same(t, fmt.Sprintf("pipeline %d of %d commands", round, length), whole, []string{whole}, 0)
			d.same(t, fmt.Sprintf("pipeline %d of %d commands, cut", round, length), whole, cutAtRandom(rng, whole), 0)
		}
	})
}

func cutAtRandom(rng *rand.Rand, s string) (pieces []string) {
	for s != "" {
		n := min(len(s), 1+rng.IntN(2000))
		if rng.IntN(3) == 0 {
			n = min(n, 7)
		}
		pieces = append(pieces, s[:n])
		s = s[n:]
	}
	return pieces
}

// TestDifferentialSizes sends values around every threshold, with small commands before and behind in one pipeline.
func TestDifferentialSizes(t *testing.T) {
	const mib = 1 << 20
	streams(t, func(t *testing.T, d *duel) {
		for _, size := range []int{0, 1, 16 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, mib - 40, mib - 1, mib, mib + 1, 8 * mib} {
			v := strings.Repeat("0123456789abcde\n", size/16+1)[:size]
			whole := redistest.Command("INCR", "number") + redistest.Command("SET", "big", v) + redistest.Command("INCR", "number") +
				redistest.Command("STRLEN", "big") + redistest.Command("GET", "big") + redistest.Command("ECHO", v) +
				redistest.Command("APPEND", "string", v) + redistest.Command("NOSUCH", v) + redistest.Command("SET", "a", v, "NX", "GET") +
				redistest.Command("GET", "number") + redistest.Command("LPUSH", "string", v) + quit
			what := fmt.Sprintf("%d bytes", size)
			d.same(t, what, whole, []string{whole}, 0)
			if size > mib+1 {
				continue // its length takes it through everything that a cut would
			}
			rng := rand.New(rand.NewPCG(seed, uint64(size)))
			a, b := rng.IntN(len(whole)), rng.IntN(len(whole))
			d.same(t, what+", cut", whole, []string{whole[:min(a, b)], whole[min(a, b):max(a, b)], whole[max(a, b):]}, time.Millisecond)
		}
	})
}

// malformed are frames after which a server tells what is wrong and closes. (A NUL where a $ should stand makes it wait
// for ever; POST and Host: drop the replies before them, or not, as the timing has it: TestCrossProtocol has these.)
var malformed = []string{
	"*x\r\n", "*1\r\nx\r\n", "*1\r\n$x\r\n", "*1\r\n$-1\r\n", "*1\r\n$-5\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n",
	"*2147483648\r\n", "*9223372036854775807\r\n", "*9223372036854775808\r\n", "*18446744073709551617\r\n",
	"*1\r\n$9223372036854775807\r\n", "*1\r\n$18446744073709551617\r\n", "*1\r\n$2147483648\r\n", "*1\r\n$536870913\r\n",
	"*+1\r\n$4\r\nPING\r\n", "*01\r\n$4\r\nPING\r\n", "* 1\r\n", "*1 \r\n", "*1\r\n$ 4\r\nPING\r\n", "*1\r\n$+4\r\nPING\r\n",
	"*1\r\n$\r\n", "*\r\n$4\r\nPING\r\n", "*1\r\n:4\r\n", "*1\r\n*1\r\n$4\r\nPING\r\n", "*2\r\n$3\r\nGET\r\n\r\n$1\r\n",
	"*1\r\n\xff\r\n", "*1\r\n\r\n", "SET \"unbalanced\r\n", "SET 'unbalanced\r\n", "SET \"a\"b\r\n", "GET 'a'b\r\n",
	"*-0\r\n", "*1\r\n$-0\r\n",
	// Far beyond the limit, so that no server has read the end of the line when it looks.
	"*" + strings.Repeat("1", 1<<20), "*1\r\n$" + strings.Repeat("1", 1<<20), strings.Repeat("A", 1<<20), strings.Repeat("A ", 1<<19),
}

// TestDifferentialMalformed has good commands before each malformed frame: they are answered, then comes the error, then
// the end.
func TestDifferentialMalformed(t *testing.T) {
	good := redistest.Command("SET", "k", "v") + redistest.Command("GET", "k") + redistest.Command("INCR", "number")
	streams(t, func(t *testing.T, d *duel) {
		for _, bad := range malformed {
			for _, before := range []string{"", good} {
				// What stands behind is not read after an error; after a frame that is none it ends the conversation.
				whole := before + bad + "\r\n" + quit
				what := fmt.Sprintf("%.60q after %d bytes", bad, len(before))
				d.same(t, what, whole, []string{whole}, 0)
				if len(bad) < 100 {
					d.same(t, what+", cut", whole, []string{whole[:len(before)+1], whole[len(before)+1:]}, time.Millisecond)
				}
			}
		}
	})
}

// TestDifferentialInline plays commands in lines.
func TestDifferentialInline(t *testing.T) {
	lines := []string{"PING", "ping", "PiNg hello", "  PING  ", "\tPING\t", "SET k v", `SET k "a b"`, `GET k`, `SET k "a\x00\r\n\t\"\\"`, "GET k",
		`SET k 'a\'b\n'`, "GET k", `ECHO ""`, `ECHO ''`, "", "   ", "NOSUCH a b", "GET", "GET a b", "ECHO \xc3\xa9", "LRANGE list 0 -1",
		`ECHO "\xzz"`, "MULTI", "INCR number", "EXEC", `ECHO "\xff\x41"`, "eval 'return 1' 0 extra", "SET a b EX 100", "echo \x01"}
	streams(t, func(t *testing.T, d *duel) {
		for _, end := range []string{"\r\n", "\n"} {
			var b strings.Builder
			for _, l := range lines {
				if !strings.HasPrefix(l, "eval") {
					b.WriteString(l + end)
				}
			}
			b.WriteString("QUIT" + end)
			d.same(t, fmt.Sprintf("lines ended by %q", end), b.String(), []string{b.String()}, 0)
			rng := rand.New(rand.NewPCG(seed, 1))
			d.same(t, fmt.Sprintf("lines ended by %q, cut", end), b.String(), cutAtRandom(rng, b.String()), 100*time.Microsecond)
		}
	})
}

// TestDifferentialLetterCase writes names and subcommands in any case.
func TestDifferentialLetterCase(t *testing.T) {
	calls := [][]string{{"get", "string"}, {"set", "k", "v", "ex", "100"}, {"client", "setname", "me"}, {"client", "getname"},
		{"config", "get", "maxmemory"}, {"object", "encoding", "number"}, {"multi"}, {"incr", "number"}, {"exec"}, {"watch", "k"},
		{"unwatch"}, {"select", "1"}, {"select", "0"}, {"blpop", "list", "1"}, {"command", "getkeys", "get", "a"}, {"nosuch", "a"},
		{"xread", "block", "1", "streams", "stream", "0"}, {"auth", "x"}}
	streams(t, func(t *testing.T, d *duel) {
		rng := rand.New(rand.NewPCG(seed, 2))
		for range 20 {
			var b strings.Builder
			for _, call := range calls {
				args := append([]string(nil), call...)
				for i := range min(2, len(args)) {
					if i == 0 || len(args[i]) > 4 && args[0] != "get" {
						args[i] = mixCase(rng, args[i])
					}
				}
				b.WriteString(redistest.Command(args...))
			}
			b.WriteString(redistest.Command(mixCase(rng, "quit")))
			d.same(t, "letter cases", b.String(), []string{b.String()}, 0)
		}
	})
}

func mixCase(rng *rand.Rand, s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] >= 'a' && b[i] <= 'z' && rng.IntN(2) == 0 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}
