package e2e

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// startEmbedded runs the embedded server and, before it, a proxy.
func startEmbedded(t *testing.T) (*proxy.Embedded, *running) {
	t.Helper()
	e, err := proxy.StartEmbedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, startReady(t, config("redis://"+e.Addr()))
}

// TestEmbeddedPurge: PURGE with each option and each error that it has, as the
// README says, and what is left afterwards.
func TestEmbeddedPurge(t *testing.T) {
	_, r := startEmbedded(t)
	c := r.dial(t)
	for _, tt := range []struct{ setup, command, want, left string }{
		{"MSET cache:1 a cache:2 b other c", "PURGE cache:*", ":2\r\n", "other"},
		{"MSET cache:1 a cache:2 b", "purge cache:* dryrun", ":2\r\n", "cache:1 cache:2"},
		{"MSET cache:[7]:x a cache:7:x b", "PURGE PREFIX cache:[7]:", ":1\r\n", "cache:7:x"},
		{"MSET cache:[7]:x a cache:7:x b", "PURGE cache:[7]:*", ":1\r\n", "cache:[7]:x"},
		{"MSET t:1 a t:2 b t:3 c", "PURGE t:* LIMIT 3", ":3\r\n", ""},
		{"MSET t:1 a t:2 b t:3 c", "PURGE t:* LIMIT 2", "-LIMIT", "t:1 t:2 t:3"},
		{"SET q:1 a|RPUSH q:2 a|SADD q:3 a", "PURGE q:* TYPE list", ":1\r\n", "q:1 q:3"},
		{"SET q:1 a|HSET q:2 f a|ZADD q:3 1 a", "PURGE q:* TYPE hash DRYRUN", ":1\r\n", "q:1 q:2 q:3"},
		{"SET c:1 a|SET c:2 b EX 100", "PURGE c:* NOEXPIRE", ":1\r\n", "c:2"},
		{"MSET lock:1 w7 lock:2 w8|RPUSH lock:3 w7", "PURGE lock:* IFEQ w7", ":1\r\n", "lock:2 lock:3"},
		{"MSET lock:1 w7 lock:2 w7 lock:3 w8|EXPIRE lock:1 100", "PURGE lock:* IFEQ w7 NOEXPIRE LIMIT 5 TYPE string", ":1\r\n", "lock:1 lock:3"},
		{"MSET sess:1 a sess:2 b", "PURGE sess:* IDLETIME 3600", ":0\r\n", "sess:1 sess:2"},
		{"MSET sess:1 a sess:2 b", "PURGE sess:* IDLETIME 0", ":2\r\n", ""},
		{"SET a 1", "PURGE nothing:*", ":0\r\n", "a"},
		{"SET a 1", "PURGE *", "-DENIED", "a"},
		{"SET a 1", "PURGE ?*", "-DENIED", "a"},
		{"SET a 1", "PURGE", "-ERR wrong number of arguments for 'purge' command\r\n", "a"},
		{"SET a 1", "PURGE PREFIX", "-ERR wrong number of arguments for 'purge' command\r\n", "a"},
		{"SET a 1", "PURGE a* NONSENSE", "-ERR syntax error\r\n", "a"},
		{"SET a 1", "PURGE a* LIMIT 0", "-ERR LIMIT must be between 1 and 100000\r\n", "a"},
		{"SET a 1", "PURGE a* LIMIT 100001", "-ERR LIMIT must be between 1 and 100000\r\n", "a"},
		{"SET a 1", "PURGE a* TYPE nonsense", "-ERR unknown type name 'nonsense'\r\n", "a"},
		{"SET a 1", "PURGE a* IDLETIME 5 IFEQ x", "-ERR IDLETIME and IFEQ can't be combined: reading a value resets its idle time\r\n", "a"},
	} {
		t.Run(tt.command, func(t *testing.T) {
			c := &client{c.Client, t}
			c.must("+OK\r\n", "FLUSHALL")
			for setup := range strings.SplitSeq(tt.setup, "|") {
				if got := c.do(words(setup)...); got[0] == '-' {
					t.Fatalf("%s: %s", setup, got)
				}
			}
			if code, whole := strings.CutSuffix(tt.want, "\r\n"); whole {
				c.must(tt.want, words(tt.command)...)
			} else {
				c.mustFail(code[1:], words(tt.command)...)
			}
			if got := keys(c); got != tt.left {
				t.Errorf("left: %s; want %s", got, tt.left)
			}
		})
	}
}

// keys are the names of all keys, which miniredis gives in order.
func keys(c *client) string {
	c.tb.Helper()
	var names []string
	for i, line := range strings.Split(c.do("KEYS", "*"), "\r\n") {
		if i > 0 && line != "" && line[0] != '$' {
			names = append(names, line)
		}
	}
	return strings.Join(names, " ")
}

// TestEmbeddedPurgeInPlace: PURGE among other commands of a pipeline and inside
// transactions.
func TestEmbeddedPurgeInPlace(t *testing.T) {
	_, r := startEmbedded(t)
	c := r.dial(t)
	c.say("MSET", "p:1", "a", "p:2", "b", "q", "c")
	c.say("PURGE", "p:*")
	c.say("DBSIZE")
	c.say("PURGE", "q", "NONSENSE")
	c.say("EVAL", "return 1", "0")
	c.say("GET", "q")
	for _, want := range []string{"+OK\r\n", ":2\r\n", ":1\r\n", "-ERR syntax error\r\n"} {
		c.hear(want)
	}
	if got, err := c.Receive(); err != nil || !redistest.IsError(got, "DENIED") {
		t.Errorf("raw Lua: %q %v", got, err)
	}
	c.hear(bulk("c"))

	c.must("+OK\r\n", "MULTI")
	c.must("+QUEUED\r\n", "SET", "t:1", "a")
	c.must("+QUEUED\r\n", "PURGE", "t:*")
	c.must("+QUEUED\r\n", "DBSIZE")
	c.must("*3\r\n+OK\r\n:1\r\n:1\r\n", "EXEC")
	c.must("+OK\r\n", "MULTI")
	c.must("+QUEUED\r\n", "SET", "t:1", "a")
	c.mustFail("DENIED", "PURGE", "*")
	c.mustFail("EXECABORT", "EXEC")
	c.must(":0\r\n", "EXISTS", "t:1")
}

// TestEmbeddedState: what holds state on a connection holds it for its client
// only.
func TestEmbeddedState(t *testing.T) {
	_, r := startEmbedded(t)
	a, b := r.dial(t), r.dial(t)
	a.must("+OK\r\n", "SELECT", "2")
	a.must("+OK\r\n", "SET", "k", "two")
	b.must("$-1\r\n", "GET", "k")
	a.must("+OK\r\n", "WATCH", "k")
	b.must("+OK\r\n", "SELECT", "2")
	b.must("+OK\r\n", "SET", "k", "changed")
	a.must("+OK\r\n", "MULTI")
	a.must("+QUEUED\r\n", "SET", "k", "mine")
	if got := a.do("EXEC"); got != "*-1\r\n" && got != "$-1\r\n" {
		t.Errorf("EXEC after a watched key changed: %q", got)
	}
	b.must(bulk("changed"), "GET", "k")

	a.must("*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n", "SUBSCRIBE", "ch")
	for i := range 100 {
		b.must(":1\r\n", "PUBLISH", "ch", fmt.Sprint(i))
	}
	for i := range 100 {
		a.hear("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n" + bulk(fmt.Sprint(i)))
	}
	a.must("*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n", "UNSUBSCRIBE", "ch")
	b.say("BLPOP", "list", "10")
	a.must(":1\r\n", "RPUSH", "list", "x")
	b.hear("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n")
}

// TestEmbeddedDifferential runs one script directly on one embedded server and
// through a proxy before another: the replies are the same, byte for byte.
func TestEmbeddedDifferential(t *testing.T) {
	alone, err := proxy.StartEmbedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(alone.Close)
	_, r := startEmbedded(t)
	for _, start := range []string{"PING", "HELLO 3"} {
		direct, proxied := dial(t, "tcp", alone.Addr()), r.dial(t)
		direct.do("FLUSHALL")
		proxied.do("FLUSHALL")
		if start == "HELLO 3" {
			direct.do(words(start)...)
			proxied.do(words(start)...)
		}
		for command := range strings.SplitSeq(embeddedScript, "\n") {
			args := words(command)
			if len(args) == 0 {
				continue
			}
			want, got := direct.do(args...), proxied.do(args...)
			if got != want {
				t.Errorf("after %s: %s = %q, directly %q", start, command, got, want)
			}
		}
	}
}

const embeddedScript = `
PING
PING hello
ECHO hello
SET a 1
GET a
GET missing
INCR a
INCRBY a 41
APPEND a x
INCR a
STRLEN a
GETRANGE a 0 0
SETRANGE a 1 zz
MSET b 1 c 2 d 3
MGET a b c missing
EXPIRE b 100
PERSIST b
PERSIST b
TYPE b
SET b 2 NX
SET b 2 XX GET
RENAME b e
RENAME b e
DEL c missing
EXISTS a c d
RPUSH l 1 2 3
LRANGE l 0 -1
LPOP l
LPOP l 5
LPUSH a 1
HSET h f v g w
HGET h f
HGETALL h
HINCRBY h n 5
HDEL h f
HGET h
SADD s x
SISMEMBER s x
SMEMBERS s
ZADD z 1.5 m 2 n
ZRANGE z 0 -1 WITHSCORES
ZSCORE z m
ZINCRBY z 1 m
XADD x 1-1 f v
XRANGE x - +
XLEN x
GEOADD g 13.361389 38.115556 Palermo
GEODIST g Palermo Palermo
PFADD p a b c
PFCOUNT p
SETBIT bit 7 1
BITCOUNT bit
NOSUCHCOMMAND
NOSUCHCOMMAND with args
get
GET a b
SELECT 1
DBSIZE
SET only here
SELECT 99
SELECT x
SELECT 0
DBSIZE
MULTI
SET m 1
GET m
INCR l2
EXEC
EXEC
DISCARD
MULTI
SET m 2
DISCARD
GET m
MULTI
GET
EXEC
WATCH m
UNWATCH
SCAN 0
KEYS m*
CLIENT SETNAME me
CLIENT GETNAME
TTL a
PTTL missing
COPY a copy
GETDEL copy
OBJECT IDLETIME a
FLUSHDB
DBSIZE
`

// TestEmbeddedCatalogue types each command's examples at the embedded server: who
// tries the proxy out gets what the reference says, if not to the last digit.
func TestEmbeddedCatalogue(t *testing.T) {
	registry, err := commands.Load(scripts.FS, commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, r := startEmbedded(t)
	c := r.dial(t)
	for _, cmd := range registry.Commands() {
		c.must("+OK\r\n", "FLUSHALL")
		for _, e := range cmd.Spec().Examples {
			if err := c.Send(e.Call + "\r\n"); err != nil {
				t.Fatal(err)
			}
			got, err := c.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if refused := strings.HasPrefix(e.Reply, "(error)"); refused != (got[0] == '-') {
				t.Errorf("%s: %q, but the reference says %s", e.Call, got, e.Reply)
			}
		}
	}
}
