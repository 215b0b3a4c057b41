package difftest

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

var onlyRow = flag.String("row", "", "play only the rows, or scripts, whose name begins so")

// TestDifferentialRows plays the scripts of every row of sessions.md, in both protocols, command by command and as
// pipelines, with other clients acting in between: byte by byte what the server itself answers.
func TestDifferentialRows(t *testing.T) {
	streams(t, func(t *testing.T, d *duel) { d.rows(t, readRows(t)) })
}

// TestDifferentialUnshared plays them with multiplexing switched off, where each client has an upstream connection of
// its own.
func TestDifferentialUnshared(t *testing.T) {
	p := redistest.Programs(t)[0]
	d := newDuel(t, redistest.StartProgram(t, p, serverArgs(p)...), func(t *testing.T, upstream string) string {
		return startConfigured(t, upstream, func(c *proxy.Config) { c.Multiplex = false })
	})
	d.rows(t, readRows(t))
	whole := conversation + quit
	d.same(t, "a conversation", whole, []string{whole}, 0)
}

// TestDifferentialPassword plays what is about servers that demand one.
func TestDifferentialPassword(t *testing.T) {
	for _, p := range redistest.Programs(t) {
		t.Run(p.Name, func(t *testing.T) {
			args := append(serverArgs(p), "--requirepass", "secret")
			one, other := redistest.StartProgram(t, p, args...), redistest.StartProgram(t, p, args...)
			// For COMMAND: the proxy knows the names only with a user of its own.
			through := startProxy(t, ":secret@"+other.Addr)
			direct, proxied := player{addr: one.Addr, server: one.Addr}, player{addr: through, server: other.Addr}
			for _, s := range readRows(t) {
				if _, locked := s.options["locked"]; !locked || !p.AtLeast(s.options["from"]) || !strings.HasPrefix(s.String(), *onlyRow) {
					continue
				}
				for f := range forms {
					if s.fits(2, f) {
						direct.set(2, f)
						proxied.set(2, f)
						compare(t, s, &direct, &proxied)
					}
				}
			}
		})
	}
}

// rows plays scripts to both sides.
func (d *duel) rows(t *testing.T, scripts []*script) {
	direct := player{addr: d.direct.addr, server: d.direct.addr, observer: d.directly}
	proxied := player{addr: d.proxied.addr, server: d.behindAddr, observer: d.behind}
	played := 0
	for _, s := range scripts {
		_, locked := s.options["locked"]
		if locked || !d.program.AtLeast(s.options["from"]) || !strings.HasPrefix(s.String(), *onlyRow) {
			continue
		}
		for _, protocol := range []int{2, 3} {
			for _, f := range []form{alone, pipelined, cut} {
				if !s.fits(protocol, f) {
					continue
				}
				played++
				d.refill(t)
				direct.set(protocol, f)
				proxied.set(protocol, f)
				compare(t, s, &direct, &proxied)
				_, uncompared := s.options["proxy"]
				if one, other := d.digests(); one != other && !uncompared {
					t.Errorf("%s, RESP%d, %s: the servers hold different data afterwards", s, protocol, forms[f])
				}
				tidy(t, d.directly)
				tidy(t, d.behind)
			}
		}
	}
	t.Logf("%d plays", played)
}

func (p *player) set(protocol int, f form) {
	p.protocol, p.form = protocol, f
	p.rng = rand.New(rand.NewPCG(seed, uint64(f)))
}

// compare plays a script to both sides and reports the first step that differs.
func compare(t *testing.T, s *script, direct, proxied *player) {
	t.Helper()
	got := proxied.play(t, s)
	if _, ok := s.options["proxy"]; ok {
		for _, line := range got {
			if strings.Contains(line, "closed") || strings.Contains(line, "silent") || strings.Contains(line, "did not come") {
				t.Errorf("%s, RESP%d, %s: %s", s, proxied.protocol, forms[proxied.form], line)
			}
		}
		return
	}
	want := direct.play(t, s)
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			t.Errorf("%s, RESP%d, %s, step %d:\n direct  %.400s\n proxied %.400s", s, direct.protocol, forms[direct.form], i+1,
				want[i], append(got, "(nothing)")[min(i, len(got))])
			return
		}
	}
}

// tidy takes back what scripts leave on a server, and waits until their clients have gone.
func tidy(t *testing.T, c *redistest.Client) {
	t.Helper()
	for _, command := range []string{"CONFIG SET maxmemory 0", "CONFIG SET notify-keyspace-events ", "CONFIG SET min-replicas-to-write 0",
		"CONFIG SET lua-time-limit 5000", "CLIENT UNPAUSE"} {
		c.Do(strings.Split(command, " ")...) // some are older than CLIENT UNPAUSE
	}
	for _, user := range parseOne(c.Do("ACL", "USERS")).elems {
		if user.text != "default" {
			c.Do("ACL", "DELUSER", user.text)
		}
	}
	waitUntil(t, "nobody is blocked, and no connection of a user's is left", func() bool {
		return strings.Contains(c.Do("INFO", "clients"), "blocked_clients:0\r\n") &&
			!strings.Contains(strings.ReplaceAll(c.Do("CLIENT", "LIST"), "user=default", ""), "user=")
	})
}
