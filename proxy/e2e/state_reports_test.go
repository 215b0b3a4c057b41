package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// Here and elsewhere is a test for each thing that users of other proxies have reported as a bug and that a standalone
// upstream can show:
//
//	a connection per transaction, up to "max number of clients"   TestTransactionsOpenNothing
//	transactions crash the proxy                                  the rows of package difftest: transactions, watch, inside-multi
//	HELLO's wording, and RESP3                                    TestUnknownIsSaid, row hello
//	CLIENT SETNAME and SETINFO refused                            row names, TestGoRedisDefaults
//	SETINFO in a pipeline                                         TestGoRedisDefaults
//	CLIENT MAINT_NOTIFICATIONS                                    row maint-notifications, TestGoRedisDefaults
//	HELLO that is always sent, "proxy modes" of clients           examples/clients: all with default settings
//	closing on an unknown command                                 TestUnknownIsSaid, row unknown
//	NOSCRIPT, and who loads the scripts                           row custom, proxy/session TestHealing
//	EVAL with no keys hangs                                       TestEvalWithoutKeys
//	raw Lua past every deny-list                                  row raw-lua, package difftest TestNoRawLua
//	blocking commands and their timeouts                          row blocking, TestLongBlock
//	pub/sub                                                       row subscribe
//	one waits for the other on the shared connection              TestHeadOfLine
//	memory                                                        package difftest: bounds_linux_test.go
//	tools: INFO, its version, redis-benchmark's CONFIG            TestToolsQuestions
//	parsers: lengths near a buffer's end, PROXY without argument  TestKeyLengths, package difftest: cuts, sizes, malformed
//	commands of one's own                                         row custom, examples/clients

// TestUnknownIsSaid: the word "unknown" is what libraries look for, and the connection stays.
func TestUnknownIsSaid(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		c := newStage(t, s, nil).dial(t)
		for _, line := range []string{"NOSUCH a b", "CLIENT NOSUCH", "HELLO 3 NOSUCH"} {
			if got := strings.ToLower(c.do(words(line)...)); got[0] != '-' || !strings.Contains(got, "unknown") && !strings.Contains(got, "syntax error") {
				t.Errorf("%s: %q", line, got)
			}
			c.must("+PONG\r\n", "PING")
		}
		if got := c.do("PROXY"); got[0] != '-' {
			t.Errorf("PROXY without a subcommand: %q", got)
		}
		c.must("+PONG\r\n", "PING")
	})
}

// TestGoRedisDefaults: go-redis as it comes says HELLO 3, CLIENT SETINFO in a pipeline and CLIENT MAINT_NOTIFICATIONS, and
// takes the answers in their order.
func TestGoRedisDefaults(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, protocol := range []int{2, 3} {
			rdb := redis.NewClient(&redis.Options{Addr: st.Addrs()[0], Protocol: protocol, ClientName: "joe"})
			defer rdb.Close()
			for i := range 20 {
				key := fmt.Sprint("k", i)
				if err := rdb.Set(ctx, key, i, 0).Err(); err != nil {
					t.Fatal(err)
				}
				if got, err := rdb.Get(ctx, key).Int(); err != nil || got != i {
					t.Fatalf("GET %s: %d, %v", key, got, err)
				}
			}
			if got, err := rdb.ClientGetName(ctx).Result(); err != nil || got != "joe" {
				t.Errorf("the name is %q, %v", got, err)
			}
		}
	})
}

// TestEvalWithoutKeys: a script without keys is answered, by a refusal or, where it is allowed, by its result.
func TestEvalWithoutKeys(t *testing.T) {
	s := redistest.Start(t)
	c := newStage(t, s, nil).dial(t)
	c.mustFail("DENIED", "EVAL", "return 1", "0")
	cfg := before(s)
	cfg.RawLua = "allow"
	c = startReady(t, cfg).dial(t)
	c.must(":1\r\n", "EVAL", "return 1", "0")
	c.must(":1\r\n", "EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0")
	c.mustFail("NOSCRIPT", "EVALSHA", strings.Repeat("0", 40), "0") // its own, which libraries wait for
	if got := c.do("EVALSHA"); got[0] != '-' {
		t.Errorf("EVALSHA without arguments: %q", got)
	}
	c.must("+PONG\r\n", "PING")
}

// TestLongBlock: whoever blocks for longer than anything here has patience for waits on, and those who share a loop
// with it do not.
func TestLongBlock(t *testing.T) {
	s := redistest.Start(t)
	st := newStage(t, s, nil)
	blocked, other := st.dial(t), st.dial(t)
	blocked.say("BLPOP", "q", "0")
	began := time.Now()
	eventually(t, "it blocks", func() bool { return strings.Contains(st.admin.Do("INFO", "clients"), "blocked_clients:1\r\n") })
	for n := 0; time.Since(began) < 6*time.Second; n++ { // longer than upstream.wait and the dial timeout
		other.must("+OK\r\n", "SET", "k", fmt.Sprint(n))
	}
	other.must(":1\r\n", "RPUSH", "q", "x")
	blocked.hear("*2\r\n$1\r\nq\r\n$1\r\nx\r\n")
}

// TestHeadOfLine: nobody waits behind another's blocking command, long pipeline of pops, or streamed value.
func TestHeadOfLine(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		stuck := []string{"BLPOP none 0", "XREAD BLOCK 0 STREAMS none $", "BZPOPMIN none 0", "WAIT 1 0", "SUBSCRIBE ch", "MULTI", "WATCH k"}
		for _, line := range stuck {
			st.dial(t).say(words(line)...)
		}
		long := st.dial(t)
		if err := long.Send("*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n$8000000\r\n" + strings.Repeat("x", 4_000_000)); err != nil {
			t.Fatal(err)
		}
		other := st.dial(t)
		other.Timeout = 5 * time.Second
		for range 100 {
			other.must("+PONG\r\n", "PING")
			other.must("$-1\r\n", "GET", "none")
		}
	})
}

// TestToolsQuestions: what tools ask before they work is the server's own answer.
func TestToolsQuestions(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		st := newStage(t, s, nil)
		c := st.dial(t)
		for _, line := range []string{"CONFIG GET save", "CONFIG GET appendonly", "CLUSTER NODES", "CLUSTER INFO", "DBSIZE", "ROLE", "SENTINEL masters"} {
			if got, want := c.do(words(line)...), st.admin.Do(words(line)...); got != want {
				t.Errorf("%s: %q, the server says %q", line, got, want)
			}
		}
		version := "redis_version:"
		line := func(info string) string {
			_, rest, _ := strings.Cut(info, version)
			v, _, _ := strings.Cut(rest, "\r\n")
			return v
		}
		if got, want := line(c.do("INFO")), line(st.admin.Do("INFO")); got != want || want == "" {
			t.Errorf("INFO: version %q, the server says %q", got, want)
		}
	})
}

// TestKeyLengths: keys of every length about the powers of two, and in steps between, up to 70,000.
func TestKeyLengths(t *testing.T) {
	s := redistest.Start(t)
	st := newStage(t, s, nil)
	c := st.dial(t)
	lengths := map[int]bool{}
	for n := 0; n < 70_000; n += 1009 {
		lengths[n] = true
	}
	for p := 1; p <= 1<<16; p *= 2 {
		for d := -40; d <= 4; d++ { // the frame around a key is some 30 bytes
			lengths[max(0, p+d)] = true
		}
	}
	for n := range lengths {
		key := strings.Repeat("k", n)
		c.say("SET", key, "v")
		c.say("GET", key)
		c.say("ECHO", key)
		c.hear("+OK\r\n")
		c.hear(bulk("v"))
		c.hear(bulk(key))
		if t.Failed() {
			t.Fatalf("a key of %d bytes", n)
		}
	}
}
