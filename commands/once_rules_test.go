package commands

import (
	"strings"
	"testing"
	"time"
)

// TestOnceRefuses: what ONCE does not take is told before anything goes up, and why.
func TestOnceRefuses(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	long := strings.Repeat("x", onceMaxToken+1)
	for call, want := range map[string]string{
		"ONCE":                                 "ERR wrong number of arguments for 'once' command",
		"ONCE t PX 10":                         "ERR wrong number of arguments for 'once' command",
		"ONCE t EX 10 INCR k":                  "ERR syntax error",
		"ONCE t PX x INCR k":                   "ERR value is not an integer or out of range",
		"ONCE t PX 0 INCR k":                   "ERR invalid expire time in 'once' command",
		"ONCE t PX -5 INCR k":                  "ERR invalid expire time in 'once' command",
		"ONCE t PX 9223372036854775807 INCR k": "ERR invalid expire time in 'once' command",
		"ONCE " + long + " PX 10 INCR k":       "ERR a token has 1 to 512 bytes",
		"ONCE t PX 10 GET k":                   "ERR ONCE does not take 'get': it writes nothing",
		"ONCE t PX 10 PING":                    "ERR ONCE does not take 'ping': it writes nothing",
		"ONCE t PX 10 SPOP k":                  "ERR ONCE does not take 'spop': which member it removes, and so the size of its reply, is not known before",
		"ONCE t PX 10 LPOP k 2":                "ERR ONCE does not take 'lpop': with a count, since a script can't carry the reply",
		"ONCE t PX 10 LMPOP 1 k LEFT":          "ERR ONCE does not take 'lmpop': a script can't carry its reply",
		"ONCE t PX 10 PURGE a*":                "ERR ONCE does not take 'purge': it has no first key, and a repeat of it is safe as it is",
		"ONCE t PX 10 ONCE u PX 10 INCR k":     "ERR ONCE does not take 'once': it is one",
		"ONCE t PX 10 EVAL x 0":                "ERR ONCE does not take 'eval': it is not on the list of commands whose reply can be given again",
		"ONCE t PX 10 set\r\nget k v":          `ERR ONCE does not take 'set\x0d\x0aget': it is not on the list of commands whose reply can be given again`,
		"ONCE t PX 10 INCR":                    "ERR wrong number of arguments for 'incr' command",
		"ONCE t PX 10 INCR a b":                "ERR wrong number of arguments for 'incr' command",
		"ONCE t PX 10 ZUNIONSTORE d 3 a b":     "ERR syntax error",
		"ONCE t PX 10 ZUNIONSTORE d x a b":     "ERR syntax error",
		"ONCE t PX 10 MSET a 1 b":              "ERR wrong number of arguments for 'mset' command",
		"ONCE t PX 10 ZUNIONSTORE d 1 a" + strings.Repeat(" AGGREGATE SUM", onceOptions/2+1): "ERR syntax error",
		"ONCE t PX 10 RENAME a a:atomicproxy:once:{a}:t":                                     "ERR ONCE can't take a command whose keys include the one that is to hold the token",
		"ONCE t PX 10 MSET {a}b 1 x 2 {a}b:atomicproxy:once:t 3":                             "ERR ONCE can't take a command whose keys include the one that is to hold the token",
		"ONCE t PX 10 ZMOVEBYSCORE {a}b {a}b:atomicproxy:once:t 1 2 3":                       "ERR ONCE can't take a command whose keys include the one that is to hold the token",
		"ONCE t PX 10 INCR a{b":  "ERR ONCE can't put its token beside a key with such braces: it would be in another slot",
		"ONCE t PX 10 INCR a{}b": "ERR ONCE can't put its token beside a key with such braces: it would be in another slot",
		"ONCE t PX 10 INCR a}b":  "ERR ONCE can't put its token beside a key with such braces: it would be in another slot",
		"ONCE t PX 10 MSET" + strings.Repeat(" k v", onceMaxArgs/2): "LIMIT ONCE takes commands of at most 4000 arguments; nothing was executed",
	} {
		args := strings.Split(call, " ")
		_, _, err := rewrite(t, rg, &Upstream{Scripts: true}, args...)
		if err == nil || err.Text != want {
			t.Errorf("%.60q: %+v, want %q", call, err, want)
		}
	}
}

// TestOnceKey: the token lies in the slot of the command's first key, and under its prefix.
func TestOnceKey(t *testing.T) {
	for key, want := range map[string]string{
		"a": "a:atomicproxy:once:{a}:", "app:x{u1}y": "app:x{u1}y:atomicproxy:once:", "{u}}": "{u}}:atomicproxy:once:",
		"\x00\r\n": "\x00\r\n:atomicproxy:once:{\x00\r\n}:", "": "!", "{": "!", "}": "!", "{}": "!", "}{": "!", "x{}{a}": "!",
	} {
		got, ok := onceKey([]byte(key))
		if !ok {
			got = []byte("!")
		}
		if string(got) != want {
			t.Errorf("beside %q: %q, want %q", key, got, want)
		}
	}
}

func TestOnceFingerprint(t *testing.T) {
	words := func(s string) (l [][]byte) {
		for w := range strings.SplitSeq(s, " ") {
			l = append(l, []byte(w))
		}
		return l
	}
	if fingerprint(words("INCR k")) != fingerprint(words("incr k")) {
		t.Error("the letter case of the name counts")
	}
	seen := map[string]string{}
	for _, call := range []string{"incr k", "incr K", "incrby k", "set k ab c", "set k a bc", "set k a  bc", "decr k"} {
		f := fingerprint(words(call))
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %q have one fingerprint", call, other)
		}
		seen[f] = call
	}
}

// TestOnceRules: what a token is bound to, how long, and what is refused before the effect.
func TestOnceRules(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(rg)
		c.want(":1", "ONCE", "t", "PX", "60000", "INCR", "k")
		c.want(":1", "ONCE", "t", "PX", "60000", "incr", "k")
		c.want("-TOKENREUSED the token was used for another command; nothing was executed", "ONCE", "t", "PX", "60000", "INCRBY", "k", "1")
		c.want(":2", "ONCE", "u", "PX", "60000", "INCR", "k")
		c.want(":1", "ONCE", "t", "PX", "60000", "INCR", "other") // tokens are beside their keys

		c.do("SET", "k:atomicproxy:once:{k}:mine", "something else")
		c.want("-ERR the key that is to hold the token holds something else; nothing was executed", "ONCE", "mine", "PX", "9000", "INCR", "k")
		c.do("LPUSH", "k:atomicproxy:once:{k}:list", "x")
		c.want("-WRONGTYPE...", "ONCE", "list", "PX", "9000", "INCR", "k")
		if got := c.do("GET", "k"); got != "$1\r\n2" {
			t.Errorf("a refused ONCE has done something: %q", got)
		}

		for _, far := range []string{"9007199254740991", "9007199254740992", "9223372036854775807", "-9007199254740991"} {
			c.do("SET", "far", far)
			name := map[bool]string{true: "DECR", false: "INCR"}[far[0] == '-']
			c.want("-ERR value is beyond 2^53...", "ONCE", "f", "PX", "9000", name, "far")
			c.want("-ERR value is beyond 2^53...", "ONCE", "f", "PX", "9000", name+"BY", "far", "5")
			if got := c.do("GET", "far"); !strings.HasSuffix(got, far) {
				t.Errorf("%s became %q", far, got)
			}
		}
		c.do("SET", "far", "9007199254740990")
		c.want(":9007199254740991", "ONCE", "f", "PX", "9000", "INCR", "far")
		c.want(":9007199254740991", "ONCE", "f", "PX", "9000", "INCR", "far")
		c.do("HSET", "h", "f", "9007199254740991")
		c.want("-ERR value is beyond 2^53...", "ONCE", "f", "PX", "9000", "HINCRBY", "h", "f", "1")

		big := strings.Repeat("x", 64<<10+1)
		c.do("SET", "big", big)
		c.do("RPUSH", "biglist", big)
		c.do("ZADD", "bigzset", "1", big)
		for _, call := range []string{"GETSET big v", "GETDEL big", "SET big v GET", "GETEX big", "LPOP biglist", "RPOP biglist",
			"LMOVE biglist other LEFT LEFT", "RPOPLPUSH biglist other", "ZPOPMIN bigzset", "ZPOPMAX bigzset 3"} {
			got := c.once(2, "g", strings.Fields(call))
			if lacks := strings.Contains(got, "nknown") || strings.Contains(got, "syntax"); !strings.HasPrefix(got, "-LIMIT ") && !lacks {
				t.Errorf("%s: %.100q", call, got)
			}
		}
		if n := c.do("STRLEN", "big") + c.do("LLEN", "biglist") + c.do("ZCARD", "bigzset"); n != ":65537:1:1" {
			t.Errorf("refused for its size, and done: %s", n)
		}

		binary := "a\x00\r\n:$*;"
		c.want("+OK", "ONCE", binary, "PX", "9000", "SET", binary, binary)
		c.want("$8\r\n"+binary, "ONCE", "x"+binary, "PX", "9000", "GETSET", binary, "y")
		c.want("$8\r\n"+binary, "ONCE", "x"+binary, "PX", "9000", "GETSET", binary, "y")

		c.want(":1", "ONCE", "short", "PX", "30", "INCR", "n")
		time.Sleep(60 * time.Millisecond) // the server's own clock: there is no event to wait for
		c.want(":2", "ONCE", "short", "PX", "30", "INCR", "n")
	})
}

// TestOnceNeedsRights: a user who may not write the token changes nothing, and one without the command's right leaves none.
func TestOnceNeedsRights(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	eachServer(t, func(t *testing.T, s *server) {
		admin := s.dial(t).load(rg)
		for i, rule := range []string{"-set", "-get", "-incr", "resetkeys ~k", "resetkeys ~k:* "} {
			admin.do(append([]string{"ACL", "SETUSER", "u", "reset", "on", "nopass", "~*", "+@all"}, strings.Fields(rule)...)...)
			c := s.dial(t)
			c.rg = rg
			if got := c.do("AUTH", "u", "any"); got != "+OK" {
				t.Fatal(got)
			}
			if got := c.once(2, "t", []string{"INCR", "k"}); got[0] != '-' {
				t.Errorf("%s (%d): %q", rule, i, got)
			}
			if n := admin.do("DBSIZE"); n != ":0" {
				t.Errorf("%s: something was left: %s %q", rule, n, admin.do("KEYS", "*"))
			}
		}
	})
}
