package commands

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// onceCases are calls of every native command that ONCE takes, after a setup: replies of each kind, errors among them.
var onceCases = []struct{ setup, calls string }{
	{"set k 5", "incr k;decr k;incrby k 7;incrby k -7;incrby k x;decrby k 2;decrby k x;append k 6;setrange k 1 z;incrbyfloat k 1.5;incrbyfloat k x"},
	{"set k abc", "incr k;getset k new;getdel k;getex k EX 100;getex k;set k v;set k v GET;set k v NX;set k v NX GET;set k v EX 10;set k v EX 0;set k v KEEPTTL"},
	{"", "incr k;decr k;getset k v;getdel k;getex k;set k v;set k v XX;set k v XX GET;set k v GET;setnx k v;setex k 10 v;setex k 0 v;psetex k 1000 v;append k v"},
	{"rpush k a b c", "incr k;getset k v;set k v;set k v GET;lpop k;rpop k;lpush k x;rpush k x y;lpushx k x;rpushx k x;lset k 0 z;lset k 9 z;ltrim k 0 1;lrem k 0 a;linsert k BEFORE b x;linsert k AFTER zz x;lmove k d LEFT RIGHT;lmove k k RIGHT LEFT;rpoplpush k d;lmove k d UP RIGHT"},
	{"", "lpop k;rpop k;lpushx k x;lset k 0 z;lmove k d LEFT RIGHT;rpoplpush k d;linsert k BEFORE b x"},
	{"sadd k a b c", "sadd k d;sadd k a;srem k a;smove k d a;smove k d zz;sdiffstore d k;sinterstore d k k;sunionstore d k j;incr k;zincrby k 1 a"},
	{"hset k f 5 g abc h 1.5", "hincrby k f 3;hincrby k g 3;hincrby k n 3;hincrby k f x;hincrbyfloat k h 2;hset k f 1;hset k n 1;hset k f;hmset k a 1 b 2;hsetnx k f 1;hsetnx k n 1;hdel k f n;incr k"},
	{"zadd k 1 a 2.5 b 3 c", "zadd k 5 d;zadd k XX CH 5 a;zadd k INCR 1.1 a;zadd k NX INCR 1 a;zadd k inf z;zincrby k 0.1 b;zincrby k inf b;zincrby k x b;zpopmin k;zpopmin k 2;zpopmin k 0;zpopmin k -1;zpopmin k x;zpopmax k;zpopmax k 9;zrem k a;zremrangebyscore k 1 2;zremrangebyrank k 0 1;zremrangebylex k - +;zrangestore d k 0 1;zunionstore d 1 k;zinterstore d 2 k k WEIGHTS 1 2;zinterstore d 0 k;zdiffstore d 2 k j"},
	{"", "zpopmin k;zpopmin k 3;zpopmax k 1;zincrby k 3.5 a;zadd k INCR 2 m;zadd k XX INCR 2 m"},
	{"xadd k 5-1 f v", "xadd k 6-1 f v;xadd k 5-1 f v;xadd k 7-0 f v g;xdel k 5-1;xtrim k MAXLEN 0;xack k g 5-1;xsetid k 9-9"},
	{"set k v EX 100", "expire k 50;expire k -1;pexpire k 5000;expireat k 1;pexpireat k 9999999999999;persist k;rename k j;rename nokey j;renamenx k j;move k 3;del k j;unlink k;copy k j;copy k k"},
	{"hset k f 5 g abc", "hexpire k 0 FIELDS 2 f nosuch;hpexpire k 0 NX FIELDS 1 g;hpexpireat k 9999999999999 FIELDS 2 f nosuch;hexpireat k 1 FIELDS 1 f;hpexpireat k x FIELDS 1 f;hpersist k FIELDS 2 f g;hsetex k PXAT 9999999999999 FIELDS 2 f 1 h 2;hsetex k FNX FIELDS 1 f 1;hexpire k 100 FIELDS 9 f"},
	{"xadd k 5-1 f v", "xdelex k IDS 2 5-1 6-1;xdelex k KEEPREF IDS 1 5-1;xackdel k g IDS 1 5-1;xdelex k IDS x 5-1"},
	{"set k v", "restore j 0 x;restore k 0 x REPLACE;delex k;delex k IFEQ v;delex k IFEQ x;delifeq k v;delifeq k x;increx k;increx j BYINT 3"},
	{"mset k v l w", "mset k 1 m 2;mset k;msetnx k 1;msetnx m 1 n 2;del k l m;rename k l;bitop AND d k l;bitop NOT d k;setbit k 7 1;setbit k x 1;pfadd p a b;pfmerge p q;geoadd g 13.3 38.1 a;geoadd g 1000 1 a;geosearchstore d g FROMLONLAT 1 1 BYRADIUS 1 km"},
}

const onceToken = "t\r\n{o}k"

// TestOnceIsTheCommand: ONCE answers as the command alone, in either protocol, leaves the data as it does, and answers a
// repeat in the same way without doing anything.
func TestOnceIsTheCommand(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	tried := map[string]bool{onceSetGet: true}
	for _, group := range onceCases {
		for call := range strings.SplitSeq(group.calls, ";") {
			tried[strings.Fields(call)[0]] = true
		}
	}
	for name := range rg.once.natives {
		if !tried[name] {
			t.Errorf("%s is not tried", name)
		}
	}
	eachServer(t, func(t *testing.T, s *server) {
		for proto := 2; proto <= 3; proto++ {
			c, other := s.dial(t).load(rg), s.dial(t)
			other.rg = rg
			c.do("HELLO", fmt.Sprint(proto))
			other.do("HELLO", fmt.Sprint(5-proto))
			for _, group := range onceCases {
				for call := range strings.SplitSeq(group.calls, ";") {
					onceAgainst(t, c, other, proto, group.setup, strings.Fields(call))
				}
			}
		}
	})
}

func onceAgainst(t *testing.T, c, other *client, proto int, setup string, call []string) {
	t.Helper()
	if c.do("COMMAND", "INFO", call[0])[:2] == "*0" || strings.Contains(c.do("COMMAND", "INFO", call[0]), "*1\r\n_") ||
		strings.Contains(c.do("COMMAND", "INFO", call[0]), "*1\r\n*-1") || strings.HasPrefix(c.do("COMMAND", "INFO", call[0]), "*1\r\n$-1") {
		return
	}
	reset := func() {
		c.do("FLUSHALL")
		if setup != "" {
			c.do(strings.Fields(setup)...)
		}
	}
	reset()
	want, left := c.do(call...), c.onceLeft()
	reset()
	elsewhere := other.do(call...)
	reset()
	got := c.once(proto, onceToken, call)
	if got != want && (want[0] != '-' || errorCode(got) != errorCode(want) && want != "-ERR syntax error") {
		t.Errorf("RESP%d %q after %q: %q, alone %q", proto, call, setup, got, want)
		return
	}
	if now := c.onceLeft(); now != left {
		t.Errorf("RESP%d %q after %q: leaves\n%q, alone\n%q", proto, call, setup, now, left)
	}
	if want[0] == '-' {
		if tokens := c.do("KEYS", "*atomicproxy:once*"); tokens != "*0" {
			t.Errorf("%q failed and left a token: %q", call, tokens)
		}
		return
	}
	if again := c.once(proto, onceToken, call); again != got {
		t.Errorf("RESP%d %q: a repeat answers %q, first %q", proto, call, again, got)
	}
	if again := other.once(5-proto, onceToken, call); again != elsewhere {
		t.Errorf("%q: a repeat in RESP%d answers %q, the command %q", call, 5-proto, again, elsewhere)
	}
	if now := c.onceLeft(); now != left {
		t.Errorf("%q: a repeat changed something: %q, before %q", call, now, left)
	}
}

// once sends the call behind ONCE, as a client of that protocol.
func (c *client) once(proto int, token string, call []string) string {
	c.t.Helper()
	args := [][]byte{[]byte("ONCE"), []byte(token), []byte("px"), []byte("60000")}
	for _, a := range call {
		args = append(args, []byte(a))
	}
	frame, _, err := c.rg.Lookup([]byte("once")).RewriteFor(nil, args, &c.s.up, proto)
	if err != nil {
		return "-" + err.Text
	}
	return c.do(parseFrame(c.t, frame)...)
}

// onceLeft is all keys whose names have one byte, each with its serialised value and whether it expires.
func (c *client) onceLeft() string {
	c.t.Helper()
	var keys []string
	for i, line := range strings.Split(c.do("KEYS", "?"), "\r\n") {
		if i > 0 && i%2 == 0 {
			keys = append(keys, line)
		}
	}
	slices.Sort(keys)
	var all strings.Builder
	for _, k := range keys {
		ttl := c.do("PTTL", k)
		if len(ttl) > 3 {
			ttl = "expires"
		}
		fmt.Fprintf(&all, "%s %s %q\n", k, ttl, c.do("DUMP", k))
	}
	return all.String()
}

func errorCode(reply string) string {
	code, _, _ := strings.Cut(reply, " ")
	return code
}
