package commands

import (
	"strings"
	"testing"
	"time"
)

func TestLOCK(t *testing.T) {
	const (
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		notInt    = "-ERR value is not an integer or out of range"
		beyond    = "-ERR value is beyond 2^53, which needs a server with this command built in"
		expire    = "-ERR invalid expire time in 'lock' command"
	)
	semantics(t, []semantic{
		{call: "LOCK l me PX 2000000", reply: "[:1 :0 :2000000]", after: "SET l 0:me PX 2000000"},
		{call: "lock l me px 2000000 fence f", reply: "[:1 :1 :2000000]", after: "SET l 1:me PX 2000000; SET f 1"},
		{call: "LOCK l me FENCE f PX 2000000", reply: "[:1 :1 :2000000]", after: "SET l 1:me PX 2000000; SET f 1"},
		{before: "SET f 41", call: "LOCK l me PX 2000000 FENCE f", reply: "[:1 :42 :2000000]", after: "SET l 42:me PX 2000000; SET f 42"},
		{before: "SET f 41 EX 5000", call: "LOCK l me PX 2000000 FENCE f", reply: "[:1 :42 :2000000]", after: "SET l 42:me PX 2000000; SET f 42"},
		// The same token refreshes and keeps its fence.
		{before: "SET l 7:me EX 1000; SET f 9", call: "LOCK l me PX 3000000 FENCE f", reply: "[:1 :7 :3000000]", after: "SET l 7:me EX 3000; SET f 9"},
		{before: "SET l 7:me EX 5000; SET f x", call: "LOCK l me PX 1000000", reply: "[:1 :7 :1000000]", after: "SET l 7:me EX 1000; SET f x"},
		{before: "SET l 0:me EX 1000", call: "LOCK l me PX 3000000", reply: "[:1 :0 :3000000]", after: "SET l 0:me EX 3000"},
		{before: "SET l 0:me EX 1000; SET f 9", call: "LOCK l me PX 3000000 FENCE f", reply: "[:1 :10 :3000000]", after: "SET l 10:me EX 3000; SET f 10"},
		{before: "SET l 7:me", call: "LOCK l me PX 3000000", reply: "[:1 :7 :3000000]", after: "SET l 7:me EX 3000"},
		// Another's, or what LOCK did not write.
		{before: "SET l 7:you; SET f 9", call: "LOCK l me PX 3000000 FENCE f", reply: "[:0 :-1 :-1]"},
		{before: "SET l 7:ME", call: "LOCK l me PX 3000000", reply: "[:0 :-1 :-1]"},
		{before: "SET l me", call: "LOCK l me PX 3000000", reply: "[:0 :-1 :-1]"},
		{before: "SET l :me", call: "LOCK l me PX 3000000", reply: "[:0 :-1 :-1]"},
		{before: "SET l 07:me", call: "LOCK l me PX 3000000", reply: "[:0 :-1 :-1]"},
		{before: "SET l -7:me", call: "LOCK l me PX 3000000", reply: "[:0 :-1 :-1]"},
		{before: `SET l ""`, call: "LOCK l me PX 3000000", reply: "[:0 :-1 :-1]"},
		{before: "SET l 1:1:me", call: "LOCK l me PX 3000000", reply: "[:0 :-1 :-1]"},
		{before: "SET l 1:1:me", call: "LOCK l 1:me PX 3000000", reply: "[:1 :1 :3000000]", after: "SET l 1:1:me EX 3000"},
		// Tokens are bytes.
		{call: `LOCK l "" PX 2000000 FENCE f`, reply: "[:1 :1 :2000000]", after: "SET l 1: EX 2000; SET f 1"},
		{call: `LOCK l "\x00:\r\n\xff" PX 2000000`, reply: "[:1 :0 :2000000]", after: `SET l "0:\x00:\r\n\xff" EX 2000`},
		{before: `SET l "5:\x00:\r\n\xff"`, call: `LOCK l "\x00:\r\n\xff" PX 2000000`, reply: "[:1 :5 :2000000]", after: `SET l "5:\x00:\r\n\xff" EX 2000`},

		{before: "SET f 9007199254740990", call: "LOCK l me PX 2000000 FENCE f", reply: "[:1 :9007199254740991 :2000000]", after: "SET l 9007199254740991:me EX 2000; SET f 9007199254740991"},
		{before: "SET f 9007199254740991", call: "LOCK l me PX 2000000 FENCE f", reply: beyond},
		{before: "SET f 9007199254740993", call: "LOCK l me PX 2000000 FENCE f", reply: beyond},
		{before: "SET f 92233720368547758070", call: "LOCK l me PX 2000000 FENCE f", reply: "-ERR value is..."},
		{before: "SET f x", call: "LOCK l me PX 2000000 FENCE f", reply: notInt},
		{before: "SET f 1.0", call: "LOCK l me PX 2000000 FENCE f", reply: notInt},
		{before: `SET f ""`, call: "LOCK l me PX 2000000 FENCE f", reply: notInt},
		{before: "SET f -3", call: "LOCK l me PX 2000000 FENCE f", reply: "-ERR value is out of range, must be positive"},
		{before: "RPUSH f x", call: "LOCK l me PX 2000000 FENCE f", reply: wrongType},
		{before: "RPUSH l x", call: "LOCK l me PX 2000000 FENCE f", reply: wrongType},
		{call: "LOCK l me PX 2000000 FENCE l", reply: "-ERR a lock and its fence must be two keys"},
		{call: "LOCK l me PX 0", reply: expire},
		{call: "LOCK l me PX -1", reply: expire},
		{call: "LOCK l me PX x", reply: notInt},
		{call: "LOCK l me PX 9007199254740992", reply: beyond},
		{call: "LOCK l me EX 1", reply: "-ERR syntax error"},
		{call: "LOCK l me PX", reply: "-ERR wrong number of arguments for 'lock' command"},
		{call: "LOCK l me FENCE f", reply: "-ERR syntax error"},
		{call: "LOCK l me PX 2000000 FENCE", reply: "-ERR syntax error"},
		{call: "LOCK l me PX 1 PX 1", reply: "-ERR syntax error"},
	})
}

func TestUNLOCK(t *testing.T) {
	semantics(t, []semantic{
		{before: "SET l 7:me EX 1000; SET f 7", call: "UNLOCK l me", reply: ":1", after: "SET f 7"},
		{before: "SET l 0:me", call: "unlock l me", reply: ":1", after: "none"},
		{before: `SET l "0:\x00:\r\n\xff"`, call: `UNLOCK l "\x00:\r\n\xff"`, reply: ":1", after: "none"},
		{before: "SET l 7:you EX 1000", call: "UNLOCK l me", reply: ":0"},
		{before: "SET l me", call: "UNLOCK l me", reply: ":0"},
		{before: "SET l 7:me", call: `UNLOCK l ""`, reply: ":0"},
		{before: "SET l 7:me", call: "UNLOCK l 7:me", reply: ":0"},
		{call: "UNLOCK l me", reply: ":-1"},
		{before: "HSET l me 1", call: "UNLOCK l me", reply: "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{call: "UNLOCK l", reply: "-ERR wrong number of arguments for 'unlock' command"},
		{call: "UNLOCK l me now", reply: "-ERR wrong number of arguments for 'unlock' command"},
	})
}

func TestLockFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"SET f 3", "LOCK l me PX 1000 FENCE f"}, {"SET l 3:me EX 1000; SET f 3", "LOCK l me PX 2000"}, {"SET l 3:you EX 1000", "LOCK l me PX 2000"},
	})
	failsWhole(t, []trial{{"SET l 3:me EX 1000; SET f 3", "UNLOCK l me"}})
}

// TestLockExpires: whoever is refused is told for how long, and the lock is free after that. The fence goes on.
func TestLockExpires(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		c.want("*3\r\n:1\r\n:1\r\n:50", "LOCK", "l", "a", "PX", "50", "FENCE", "f")
		for deadline := time.Now().Add(10 * time.Second); ; {
			got := show(c.call("LOCK", "l", "b", "PX", "1000000", "FENCE", "f"))
			if got == "[:1 :2 :1000000]" {
				break
			}
			left, refused := strings.CutPrefix(got, "[:0 :-1 :")
			if !refused || len(left) > len("50]") || time.Now().After(deadline) {
				t.Fatalf("%s while another has the lock for 50 ms", got)
			}
		}
		c.want(":0", "UNLOCK", "l", "a")
		c.want(":1", "UNLOCK", "l", "b")
	})
}
