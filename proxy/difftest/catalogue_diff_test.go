package difftest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// nativeElsewhere are commands that newer servers have themselves and the proxy supplies before older ones, with calls of
// them: right ones and wrong ones. %k, %v and %f stand for some key, value and field.
var nativeElsewhere = map[string][]string{
	"delifeq": {
		"DELIFEQ %k %v", "delifeq %k %v", "DELIFEQ %k", "DELIFEQ %k %v %v",
		"SET %k %v IFEQ %v", "SET %k %v IFEQ %v GET", "SET %k %v GET IFEQ %v KEEPTTL", "SET %k %v IFEQ %v EX 5000", "SET %k %v EX 5000 IFEQ %v EX 7000",
		"SET %k %v ifeq %v pxat 99999999999999", "SET %k %v IFEQ %v EXAT 1", "SET %k %v IFEQ", "SET %k %v IFEQ %v NX", "SET %k %v IFEQ %v EX 0",
		"SET %k %v IFEQ %v EX x", "SET %k %v IFEQ %v PX 1 KEEPTTL", "SET %k %v NX GET", "SET %k %v XX KEEPTTL",
	},
	"msetex": {
		"MSETEX 1 %k %v", "MSETEX 2 %k %v %k %v NX", "MSETEX 2 %k %v %k %v XX EX 5000", "msetex 3 %k %v %k %v %k %v keepttl", "MSETEX 1 %k %v PXAT 99999999999999 NX",
		"MSETEX 1 %k %v EXAT 1", "MSETEX 0 %k %v", "MSETEX 2 %k %v", "MSETEX x %k %v", "MSETEX 1 %k", "MSETEX 1 %k %v NX XX", "MSETEX 1 %k %v EX 0", "MSETEX 1 %k %v %k",
	},
	"hgetdel": {
		"HGETDEL %k FIELDS 1 %f", "HGETDEL %k FIELDS 2 %f %f", "hgetdel %k fields 3 %f %f %f", "HGETDEL %k FIELDS 1", "HGETDEL %k",
		"HSET %k %f %v %f %v", "HSET %k %f %v",
	},
}

var everywhere = []string{"SET %k %v", "SET %k %v EX 9000", "DEL %k", "RPUSH %k %v", "HSET %k %f %v", "EXPIRE %k 8000", "GET %k", "TYPE %k"}

// filled makes a call of a template.
func filled(g *rand.Rand, template string) []string {
	pick := func(words ...string) string { return words[g.IntN(len(words))] }
	words := strings.Split(template, " ")
	for i, w := range words {
		switch w {
		case "%k":
			words[i] = pick("a", "b", "c", "\x00\r\n")
		case "%v":
			words[i] = pick("1", "2", "", "NX", "\xff\x00", "9007199254740993")
		case "%f":
			words[i] = pick("f", "g", "", "FIELDS")
		}
	}
	return words
}

// batch is what a client sends at once: commands, now and then a whole transaction of them.
func batch(g *rand.Rand, templates []string) (sent [][]string) {
	n := 1 + g.IntN(12)
	transaction := g.IntN(3) == 0
	if transaction {
		sent = append(sent, []string{"MULTI"})
	}
	for range n {
		from := templates
		if g.IntN(3) == 0 {
			from = everywhere
		}
		sent = append(sent, filled(g, from[g.IntN(len(from))]))
	}
	if transaction {
		sent = append(sent, []string{"EXEC"})
	}
	return sent
}

// TestCatalogueEqualsNative sends the same random commands, in pipelines and transactions, to a server that has a command
// and through the proxy to one that has not. Replies are compared byte for byte, and the data.
func TestCatalogueEqualsNative(t *testing.T) {
	programs := redistest.Programs(t)
	for _, p := range programs[1:] {
		for command, templates := range nativeElsewhere {
			native := redistest.StartProgram(t, p)
			older := redistest.StartProgram(t, programs[0])
			if !strings.Contains(native.Dial(t).Do("COMMAND", "INFO", command), command) || strings.Contains(older.Dial(t).Do("COMMAND", "INFO", command), command) {
				continue
			}
			t.Run(p.Name+"/"+command, func(t *testing.T) { compareBatches(t, native, older, templates) })
		}
	}
}

func compareBatches(t *testing.T, native, older *redistest.Server, templates []string) {
	seed := rand.Uint64()
	g := rand.New(rand.NewPCG(seed, 0))
	addr := startProxy(t, older.Addr)
	for _, protocol := range []string{"2", "3"} {
		direct, proxied := native.Dial(t), redistest.Dial(t, addr)
		direct.Do("HELLO", protocol)
		proxied.Do("HELLO", protocol)
		for step := range 400 {
			sent := batch(g, templates)
			whole := g.IntN(4) > 0
			want, got := converse(t, direct, sent, whole), converse(t, proxied, sent, whole)
			for i := range sent {
				if want[i] != got[i] {
					t.Fatalf("seed %d, RESP%s, batch %d (whole %v) %q\ncommand %d %q\n   got %q\nnative %q", seed, protocol, step, whole, sent, i, sent[i], got[i], want[i])
				}
			}
			if step%20 == 0 {
				if want, got := contents(native.Dial(t)), contents(older.Dial(t)); want != got {
					t.Fatalf("seed %d, up to batch %d %q the data became\n%q\nnative:\n%q", seed, step, sent, got, want)
				}
			}
		}
	}
}

// converse sends commands, all at once or each after the reply to the one before.
func converse(t *testing.T, c *redistest.Client, sent [][]string, whole bool) (replies []string) {
	t.Helper()
	var wire strings.Builder
	for _, args := range sent {
		if !whole {
			replies = append(replies, c.Do(args...))
			continue
		}
		wire.WriteString(redistest.Command(args...))
	}
	if whole {
		if err := c.Send(wire.String()); err != nil {
			t.Fatal(err)
		}
		for range sent {
			reply, err := c.Receive()
			if err != nil {
				t.Fatal(err)
			}
			replies = append(replies, reply)
		}
	}
	return replies
}

// contents is the data of a server as text, with times to live to the nearest 1,000 seconds.
func contents(c *redistest.Client) string {
	var b strings.Builder
	for _, key := range []string{"a", "b", "c", "\x00\r\n"} {
		kind := c.Do("TYPE", key)
		var value string
		switch kind {
		case "+string\r\n":
			value = c.Do("GET", key)
		case "+list\r\n":
			value = c.Do("LRANGE", key, "0", "-1")
		case "+hash\r\n":
			value = parseOne(c.Do("HGETALL", key)).sorted(true).String()
		}
		ttl := 0
		fmt.Sscanf(c.Do("TTL", key), ":%d", &ttl)
		if ttl > 0 {
			ttl = (ttl + 500) / 1000
		}
		fmt.Fprintf(&b, "%q %q %d\n", kind, value, ttl)
	}
	c.Close()
	return b.String()
}

// TestCatalogueInMulti: what is wrong with a call is told when it is queued or when it runs, as the server would; the rest of
// the transaction runs or does not run accordingly.
func TestCatalogueInMulti(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		c := redistest.Dial(t, startProxy(t, s.Addr))
		for _, tc := range []struct{ calls, replies string }{
			{"SET stock 3|INCREX stock BYINT -2 LBOUND 0|INCREX stock BYINT -2 LBOUND 0|CAS stock 1 9 EX 100", "+OK *2:1:-2 *2:1:0 :1"},
			{"SET l 1|CAS l|CAD l 1", "EXECABORT"},
			{"SET l 1|CAS l 1 2 FOO|CAD l 1", "+OK -ERR :1"},
			{"DEL l|RPUSH l x|CAD l 1|INCREX l|HGETDEL l FIELDS 1 x", ":1 :1 -WRONGTYPE -WRONGTYPE -WRONGTYPE"},
			{"DEL l|MSETEX 2 {l}1 a {l}2 b NX|MSETEX 2 {l}1 a {l}2 b NX", ":1 :1 :0"},
		} {
			var sent [][]string
			for call := range strings.SplitSeq("MULTI|"+tc.calls+"|EXEC", "|") {
				sent = append(sent, strings.Split(call, " "))
			}
			for _, whole := range []bool{true, false} {
				c.Do("DEL", "stock", "l", "{l}1", "{l}2")
				c.Do("SET", "l", "there")
				replies := converse(t, c, sent, whole)
				if got := inBrief(replies[len(replies)-1]); got != tc.replies {
					t.Errorf("%s (whole %v): %s, want %s; all: %q", tc.calls, whole, got, tc.replies, replies)
				}
			}
		}
	})
}

// inBrief writes the replies of a transaction in few words: of an error its code.
func inBrief(reply string) string {
	if v := parseOne(reply); v.kind == '*' {
		var l []string
		for _, e := range v.elems {
			l = append(l, elementInBrief(e))
		}
		return strings.Join(l, " ")
	}
	code, _, _ := strings.Cut(strings.TrimPrefix(reply, "-"), " ")
	return code
}

func elementInBrief(v value) string {
	switch v.kind {
	case '*':
		s := fmt.Sprintf("*%d", len(v.elems))
		for _, e := range v.elems {
			s += elementInBrief(e)
		}
		return s
	case '-':
		code, _, _ := strings.Cut(v.text, " ")
		return "-" + code
	}
	return string(v.kind) + v.text
}
