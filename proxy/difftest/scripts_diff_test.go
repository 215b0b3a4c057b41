package difftest

import (
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

var scripts = []script{
	{"a transaction", `
		a: MULTI
		a: SET k v
		a: INCR string
		a: GET k
		a: EXEC
		a: GET k
		a: EXEC
		a: DISCARD
		a: MULTI
		a: MULTI
		a: WATCH k
		a: DISCARD
		a: GET k`},
	{"a transaction with an error while queueing", `
		a: MULTI
		a: SET k v
		a: NOSUCH x
		a: GET
		a: EXEC
		a: GET k`},
	{"what a transaction may hold", `
		a: MULTI
		a: SELECT 1
		a: BLPOP nothing 0
		a: CLIENT SETNAME me
		a: CLIENT GETNAME
		a: PING
		a: ECHO hi
		a: PUBLISH ch hi
		a: EXEC
		a: CLIENT GETNAME
		a: SET only1 x
		a: SELECT 0
		a: EXISTS only1
		a: SELECT 1
		a: EXISTS only1`},
	{"subscribing in a transaction", `
		a: MULTI
		a: SUBSCRIBE ch
		a: EXEC
		b: PUBLISH ch hi
		a< SUBSCRIBE
		a: GET k`},
	{"HELLO in a transaction", `
		a: MULTI
		a: HELLO 3
		a: HGETALL hash
		a: EXEC
		a: HGETALL hash`},
	{"watching", `
		a: WATCH string
		b: SET string changed
		a: MULTI
		a: GET string
		a: EXEC
		a: MULTI
		a: GET string
		a: EXEC
		a: WATCH string
		b: SET string again
		a: UNWATCH
		a: MULTI
		a: GET string
		a: EXEC
		a: WATCH string
		a: DISCARD
		a: WATCH string number
		a: SET string mine
		a: MULTI
		a: EXEC`},
	{"subscriptions in RESP2", `
		a: SUBSCRIBE ch1 ch2
		a< SUBSCRIBE
		a: PSUBSCRIBE p*
		b: PUBLISH ch1 one
		a< MESSAGE
		b: PUBLISH pattern two
		a< MESSAGE
		a: PING
		a: PING hello
		a: GET k
		a: MULTI
		a: UNSUBSCRIBE ch1
		a: UNSUBSCRIBE
		a: PUNSUBSCRIBE p*
		a: GET string
		a: UNSUBSCRIBE
		a: UNSUBSCRIBE never
		b: PUBLISH ch1 nobody
		a: PING`},
	{"subscriptions in RESP3", `
		a: HELLO 3
		a: SUBSCRIBE ch1
		a: GET string
		b: PUBLISH ch1 one
		a< MESSAGE
		a: HGETALL hash
		a: UNSUBSCRIBE ch1
		a: PING`},
	{"a subscription ends with QUIT", `
		a: SUBSCRIBE ch1
		a: QUIT
		a.`},
	{"shard channels", `
		a: SSUBSCRIBE ch1
		b: SPUBLISH ch1 one
		a: SUNSUBSCRIBE
		a: SPUBLISH ch1 two`},
	{"replies off and on", `
		a! CLIENT REPLY OFF
		a! SET k 1
		a! NOSUCH
		a_
		a: CLIENT REPLY ON
		a: GET k
		a! CLIENT REPLY SKIP
		a! INCR k
		a: GET k
		a! CLIENT REPLY SKIP
		a! CLIENT ID
		a: PING
		a: CLIENT REPLY MAYBE`},
	{"tracking in RESP3", `
		a: HELLO 3
		a: CLIENT TRACKING ON
		a: GET string
		b: SET string new
		a< INVALIDATE
		a: CLIENT TRACKING OFF
		a: GET string
		b: SET string newer
		a_`},
	{"tracking by prefix", `
		a: HELLO 3
		a: CLIENT TRACKING ON BCAST PREFIX str
		b: SET number 5
		b: SET string new
		a< INVALIDATE
		a: CLIENT GETREDIR`},
	{"tracking to another connection", `
		b# CLIENT ID
		b: SUBSCRIBE __redis__:invalidate
		a: CLIENT TRACKING ON REDIRECT {b}
		a: GET string
		c: SET string new
		b< INVALIDATE`},
	{"names", `
		a: CLIENT GETNAME
		a: CLIENT SETNAME me
		a: CLIENT GETNAME
		b: CLIENT GETNAME
		a: CLIENT SETNAME "with\x20space"
		a: CLIENT GETNAME
		a: CLIENT SETNAME ""
		a: CLIENT GETNAME
		a: HELLO 3 SETNAME other
		a: CLIENT GETNAME`},
	{"databases", `
		a: SELECT 1
		a: SET k one
		b: GET k
		b: SELECT 1
		b: GET k
		a: SELECT 16
		a: GET k
		a: MOVE k 2
		a: SELECT 2
		a: GET k
		a: SWAPDB 2 3
		a: GET k`},
	{"RESET", `
		a: SELECT 1
		a: HELLO 3
		a: CLIENT SETNAME me
		a: MULTI
		a: RESET
		a: CLIENT GETNAME
		a: HGETALL hash
		a: GET string
		a: EXEC
		a: SUBSCRIBE ch
		a: RESET
		a: GET string`},
	{"blocking", `
		a! BLPOP q1 q2 5
		~50
		b: RPUSH q2 x
		a< BLPOP
		a! BLMOVE q1 dst LEFT RIGHT 5
		~50
		b: RPUSH q1 y
		a< BLMOVE
		b: LRANGE dst 0 -1
		a! XREAD BLOCK 5000 STREAMS stream $
		~50
		b: XADD stream 9-9 f v
		a< XREAD
		a! BZPOPMIN z 5
		~50
		b: ZADD z 1 m
		a< BZPOPMIN
		a: BLPOP nothing 0.05
		a: PING`},
	{"commands sent while blocked wait", `
		a! BLPOP q 5
		a! GET string
		a! INCR number
		~50
		b: GET number
		b: RPUSH q x
		a< BLPOP
		a< GET
		a< INCR`},
	{"unblocking", `
		a# CLIENT ID
		a! BLPOP q 5
		~100
		b: CLIENT UNBLOCK {a}
		a< BLPOP
		a! BLPOP q 5
		~100
		b: CLIENT UNBLOCK {a} ERROR
		a< BLPOP
		b: CLIENT UNBLOCK {a}
		b: CLIENT UNBLOCK 999999
		b: CLIENT UNBLOCK x`},
	{"killing by id", `
		a# CLIENT ID
		b: CLIENT KILL ID {a}
		a.
		b: CLIENT KILL ID {a}
		b: CLIENT KILL ID x
		b: CLIENT KILL 1.2.3.4:5`},
	{"protocols", `
		a: HELLO 3
		a: HGETALL hash
		a: SMEMBERS ints
		a: ZADD zset INCR 1.5 a
		a: ZSCORE zset a
		a: ZRANGE zset 0 -1 WITHSCORES
		a: GET missing
		a: LRANGE missing 0 -1
		a: INCR string
		a: CONFIG GET maxmemory
		a: XREAD STREAMS stream 0
		a: HELLO 2
		a: HGETALL hash
		a: ZSCORE zset a
		a: HELLO 4
		a: HELLO
		a: PING`},
	{"users", `
		b: ACL SETUSER u on >p ~k* +get +set +multi +exec +ping +@connection
		a: AUTH u wrong
		a: SET string x
		a: AUTH u p
		a: ACL WHOAMI
		a: SET k1 v
		a: GET string
		a: LPUSH k1 v
		a: MULTI
		a: GET k1
		a: GET string
		a: EXEC
		a: MULTI
		a: GET k1
		a: EXEC
		a: AUTH u wrong
		a: GET k1
		a: HELLO 3 AUTH default x
		a: HELLO 3 AUTH u p SETNAME me
		a: GET k1
		b: ACL DELUSER u`},
	{"QUIT answers what came before", `
		a! INCR number
		a! QUIT
		a< INCR
		a< QUIT
		a.`},
	{"WAIT", `
		a: SET k v
		a: WAIT 0 10
		a: WAIT 1 10
		a: WAIT x 10
		a: PING`},
	{"settings of a connection", `
		a: CLIENT NO-EVICT on
		a: CLIENT NO-EVICT off
		a: CLIENT NO-EVICT x
		a: CLIENT NO-TOUCH on
		a: GET string
		a: CLIENT SETINFO LIB-NAME mylib
		a: CLIENT SETINFO LIB-VER 1.0
		a: CLIENT SETINFO NOSUCH x
		a: CLIENT NOSUCH
		a: CLIENT
		a: READONLY`},
}

// TestDifferentialScripts plays conversations that change the connection, or have more than one client.
func TestDifferentialScripts(t *testing.T) {
	streams(t, func(t *testing.T, d *duel) {
		for _, s := range scripts {
			d.refill(t)
			compareScript(t, s, d.direct.addr, d.proxied.addr)
		}
	})
}

// lockedScripts run on servers that demand a password.
var lockedScripts = []script{
	{"before AUTH", `
		a: GET k
		a: PING
		a: NOSUCH
		a: GET
		a: MULTI
		a: CLIENT SETNAME me
		a: HELLO 3
		a: HELLO 3 AUTH default wrong
		a: AUTH wrong
		a: AUTH default wrong
		a: AUTH nosuch secret
		a: SUBSCRIBE ch
		a: CLIENT ID
		a: COMMAND COUNT
		a: HELLO 3 AUTH default secret
		a: SET k v
		b: AUTH secret
		b: GET k
		b: AUTH wrong
		b: GET k
		c: QUIT
		c.`},
	{"RESET takes the user away", `
		a: AUTH secret
		a: GET k
		a: RESET
		a: GET k`},
}

func TestDifferentialPassword(t *testing.T) {
	for _, p := range redistest.Programs(t) {
		t.Run(p.Name, func(t *testing.T) {
			args := append(serverArgs(p), "--requirepass", "secret")
			one, other := redistest.StartProgram(t, p, args...), redistest.StartProgram(t, p, args...)
			through := startProxy(t, ":secret@"+other.Addr) // for COMMAND: the proxy knows the names only then
			for _, s := range lockedScripts {
				compareScript(t, s, one.Addr, through)
			}
		})
	}
}
