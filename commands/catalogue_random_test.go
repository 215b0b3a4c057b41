package commands

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// family is a command that some servers have themselves, and a generator of calls: right ones, and wrong ones in most ways.
type family struct {
	probe Probe
	call  func(g *calls) []string
	// texts says that errors' texts are the native's, whatever server that is; else only those of Redis.
	texts bool
}

var families = []family{
	{Probe{"set", "IFEQ"}, (*calls).setIfeq, true},
	{Probe{"delifeq", ""}, (*calls).delifeq, true},
	{Probe{"msetex", ""}, (*calls).msetex, true},
	{Probe{"hgetdel", ""}, (*calls).hgetdel, false},
}

// calls makes commands from few keys and values, so that they meet.
type calls struct {
	*rand.Rand
	now    time.Time
	strict bool // makes no call that is wrong in two ways, which servers tell in another order
}

func (g *calls) of(words ...string) string { return words[g.IntN(len(words))] }

func (g *calls) key() string { return g.of("a", "b", "c", "d", "\x00\r\n") }

func (g *calls) value() string {
	return g.of("1", "2", "3", "10", "010", "", "x", "\xff\x00", "9007199254740993", "NX", "EX", strings.Repeat("long", 20))
}

// odd reports whether something unusual is to be done.
func (g *calls) odd() bool { return g.IntN(12) == 0 }

func (g *calls) expiry() []string {
	switch g.IntN(9) {
	case 0:
		return []string{g.of("EX", "ex"), "5000"}
	case 1:
		return []string{"PX", "5000000"}
	case 2:
		return []string{"EXAT", timeWord("{s+5000}", g.now)}
	case 3:
		return []string{"PXAT", timeWord("{ms+5000000}", g.now)}
	case 4:
		return []string{g.of("KEEPTTL", "keepttl")}
	case 5:
		return []string{g.of("EXAT", "PXAT"), "1"}
	case 6:
		if g.odd() {
			return []string{g.of("EX", "PX", "EXAT", "PXAT"), g.of("0", "-1", "x", "1.5", "9223372036854775807", "9223372036854775808", "01", "")}
		}
	}
	return nil
}

// mixed puts the groups of words behind the head in any order, now and then with one twice, with something wrong, or cut short.
func (g *calls) mixed(head []string, groups ...[]string) []string {
	g.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	for _, words := range groups {
		head = append(head, words...)
		if g.odd() {
			head = append(head, words...)
		}
	}
	if g.odd() {
		head = append(head, g.of("FOO", "NX", "XX", "GET", "KEEPTTL", "EX", "PERSIST", "PX 1", ""))
	}
	return head
}

func (g *calls) setIfeq() []string {
	groups := [][]string{{g.of("IFEQ", "ifeq"), g.value()}, g.expiry()}
	if g.IntN(3) == 0 {
		groups = append(groups, []string{"GET"})
	}
	return g.mixed([]string{"SET", g.key(), g.value()}, groups...)
}

func (g *calls) delifeq() []string {
	args := []string{"DELIFEQ", g.key(), g.value()}
	if g.odd() {
		return args[:1+g.IntN(2)]
	}
	return args
}

func (g *calls) msetex() []string {
	n := 1 + g.IntN(3)
	args := []string{"MSETEX", g.of("1", "2", "3")}
	if !g.odd() {
		args[1] = timeWord("{s+0}", time.Unix(int64(n), 0))
	}
	if g.IntN(50) == 0 {
		args[1] = g.of("0", "-1", "x", "01", "2147483648", "2147483647", "")
	}
	for range n {
		args = append(args, g.key(), g.value())
	}
	groups := [][]string{g.expiry()}
	if g.IntN(2) == 0 {
		groups = append(groups, []string{g.of("NX", "XX", "nx")})
	}
	return g.mixed(args, groups...)
}

func (g *calls) hgetdel() []string {
	n := 1 + g.IntN(3)
	key := g.key()
	args := []string{"HGETDEL", key, g.of("FIELDS", "fields"), timeWord("{s+0}", time.Unix(int64(n), 0))}
	for range n {
		args = append(args, g.of("f1", "f2", "f3", "f4", ""))
	}
	switch {
	case g.strict:
	case g.odd():
		args[2] = g.of("FIELD", "", "1")
	case g.odd():
		args[3] = g.of("0", "-1", "x", "01", "4", "9223372036854775807", "99999999999999999999", "")
	case g.odd():
		args = args[:1+g.IntN(4)]
	}
	return args
}

// plain is a command that every server has, to bring about keys of all types, with and without an expiry.
func (g *calls) plain() []string {
	key := g.key()
	switch g.IntN(8) {
	case 0:
		return []string{"SET", key, g.value()}
	case 1:
		return []string{"SET", key, g.value(), "EX", "9000"}
	case 2:
		return []string{"RPUSH", key, "x"}
	case 3, 4:
		return []string{"HSET", key, "f1", g.value(), "f2", g.value(), "", "empty"}
	case 5:
		return []string{"EXPIRE", key, "7000"}
	case 6:
		return []string{"PERSIST", key}
	}
	return []string{"DEL", key}
}

// TestPolyfillEqualsNative sends the same random commands to a server that has a command itself and, rewritten, to one that
// has not, and compares replies byte for byte, and the data.
func TestPolyfillEqualsNative(t *testing.T) {
	const steps = 3000
	eachServer(t, func(t *testing.T, s *server) {
		rg := loadCatalogue(t, testSettings)
		installed, err := exec.LookPath("redis-server")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !s.dial(t).has(f.probe) {
				continue
			}
			t.Run(f.probe.Command, func(t *testing.T) {
				other := startServer(t, "redis-server", installed).dial(t).load(rg)
				if other.has(f.probe) {
					t.Logf("the installed server has %+v itself: there is nothing to compare", f.probe)
					return
				}
				f.compare(t, s.dial(t).load(rg), other, steps)
			})
		}
	})
}

func (f family) compare(t *testing.T, native, other *client, steps int) {
	native.do("HELLO", "2")
	valkey := strings.Contains(native.do("INFO", "server"), "valkey_version")
	for _, proto := range []string{"2", "3"} {
		seed := rand.Uint64()
		g := &calls{Rand: rand.New(rand.NewPCG(seed, 0)), now: native.fresh(""), strict: valkey && !f.texts}
		other.fresh("")
		native.do("HELLO", proto)
		other.do("HELLO", proto)
		kinds := map[byte]int{}
		for step := range steps {
			args, send := g.plain(), other.do
			if g.IntN(2) == 0 {
				args, send = f.call(g), other.call
			}
			want, got := native.do(args...), send(args...)
			kinds[want[0]]++
			if want != got && !(valkey && !f.texts && sameCode(want, got)) {
				t.Fatalf("seed %d, RESP%s, step %d: %q\n   got %q\nnative %q", seed, proto, step, args, got, want)
			}
			if step%10 == 0 || step == steps-1 {
				if diff := native.snapshot().differs(other.snapshot()); diff != "" {
					t.Fatalf("seed %d, RESP%s, up to step %d %q: %s", seed, proto, step, args, diff)
				}
			}
		}
		if kinds['-'] < steps/100 || kinds['-'] > steps*2/3 {
			t.Errorf("hardly a test: %d of %d replies are errors", kinds['-'], steps)
		}
	}
}

func sameCode(a, b string) bool {
	x, _, _ := strings.Cut(a, " ")
	y, _, _ := strings.Cut(b, " ")
	return strings.HasPrefix(x, "-") && x == y
}
