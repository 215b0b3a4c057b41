package commands

import "testing"

func TestEXSET(t *testing.T) {
	const (
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		syntax    = "-ERR syntax error"
		stale     = "-ERR update version is stale"
		beyond    = "-ERR value is beyond 2^53, which needs a server with this command built in"
		v1        = "HSET k value v version 1"
		v2        = "HSET k value new version 2"
	)
	semantics(t, []semantic{
		{call: "EXSET k v", reply: "+OK", after: v1},
		{before: v1, call: "exset k new", reply: "+OK", after: v2},
		{before: v1, call: `EXSET k ""`, reply: "+OK", after: `HSET k value "" version 2`},
		{before: v1, call: `EXSET k "a\x00\r\n\xff"`, reply: "+OK", after: `HSET k value "a\x00\r\n\xff" version 2`},
		{before: v1 + " more x", call: "EXSET k new", reply: "+OK", after: v2 + " more x"},

		{before: v1, call: "EXSET k new VER 1", reply: "+OK", after: v2},
		{before: v1, call: "EXSET k new VER 2", reply: stale},
		{before: v1, call: "EXSET k new VER 0", reply: "+OK", after: v2},
		{call: "EXSET k v VER 7", reply: "+OK", after: v1},
		{before: v1, call: "EXSET k new ABS 7", reply: "+OK", after: "HSET k value new version 7"},
		{before: v1, call: "EXSET k new ABS 0", reply: "+OK", after: "HSET k value new version 0"},
		{call: "EXSET k v ABS 7", reply: "+OK", after: "HSET k value v version 7"},
		{before: "HSET k value v version 0", call: "EXSET k new VER 1", reply: stale},
		{before: "HSET k value v version 0", call: "EXSET k v", reply: "+OK", after: v1},

		{before: v1, call: "EXSET k new NX", reply: "$-1"},
		{call: "EXSET k v NX", reply: "+OK", after: v1},
		{before: v1, call: "EXSET k new XX nx", reply: syntax},
		{before: v1, call: "EXSET k new XX XX", reply: "+OK", after: v2},
		{before: v1, call: "EXSET k new NX nx", reply: "$-1"},
		{call: "EXSET k v XX", reply: "$-1"},
		{before: v1, call: "EXSET k new NX VER 9", reply: "$-1"},
		{before: v1, call: "EXSET k new XX VER 9", reply: stale},

		{call: "EXSET k v EX 1000", reply: "+OK", after: v1 + "; EXPIRE k 1000"},
		{call: "EXSET k v PX 1000000", reply: "+OK", after: v1 + "; EXPIRE k 1000"},
		{call: "EXSET k v EXAT {s+1000}", reply: "+OK", after: v1 + "; EXPIRE k 1000"},
		{call: "EXSET k v PXAT {ms+1000000}", reply: "+OK", after: v1 + "; EXPIRE k 1000"},
		{call: "EXSET k v KEEPTTL", reply: "+OK", after: v1},
		{before: v1 + "; EXPIRE k 5000", call: "EXSET k new EX 1000 VER 1 XX", reply: "+OK", after: v2 + "; EXPIRE k 1000"},
		{before: v1 + "; EXPIRE k 5000", call: "EXSET k new PXAT {ms+1000000}", reply: "+OK", after: v2 + "; EXPIRE k 1000"},
		{before: v1 + "; EXPIRE k 5000", call: "EXSET k new KEEPTTL", reply: "+OK", after: v2 + "; EXPIRE k 5000"},
		{before: v1 + "; EXPIRE k 5000", call: "EXSET k new", reply: "+OK", after: v2},
		{before: v1 + "; EXPIRE k 5000", call: "EXSET k new VER 2 EX 1000", reply: stale},
		{before: v1, call: "EXSET k new EXAT 1", reply: "+OK", after: "none"},
		{call: "EXSET k v PXAT 1", reply: "+OK", after: "none"},
		{call: "EXSET k v PX 9007199254740991 ABS 1", reply: "+OK", after: v1 + "; PEXPIRE k 9007199254740991"},
		{before: v1, call: "EXSET k new EX 9007199254741", reply: beyond},
		{before: v1, call: "EXSET k new EXAT 9007199254740991", reply: beyond},
		{before: v1, call: "EXSET k new PX 9007199254740992", reply: beyond},
		{before: v1, call: "EXSET k new EX 0", reply: syntax},
		{before: v1, call: "EXSET k new EX -1", reply: syntax},
		{before: v1, call: "EXSET k new EX x", reply: syntax},
		{before: v1, call: "EXSET k new EX 1.5", reply: syntax},
		{before: v1, call: "EXSET k new EX", reply: syntax},
		{before: v1, call: "EXSET k new EX 1 PX 1", reply: syntax},
		{before: v1, call: "EXSET k new EX 1 EX 1", reply: syntax},
		{before: v1, call: "EXSET k new KEEPTTL EX 1", reply: syntax},
		{before: v1, call: "EXSET k new VER 1 ABS 1", reply: syntax},
		{before: v1, call: "EXSET k new VER 1 VER 1", reply: syntax},
		{before: v1, call: "EXSET k new VER -1", reply: syntax},
		{before: v1, call: "EXSET k new ABS x", reply: syntax},
		{before: v1, call: "EXSET k new ABS 9007199254740992", reply: beyond},
		{before: v1, call: "EXSET k new NOPE", reply: syntax},
		{before: v1, call: "EXSET k", reply: "-ERR wrong number of arguments for 'exset' command"},

		{before: v1, call: "EXSET k new ABS 9007199254740991", reply: "+OK", after: "HSET k value new version 9007199254740991"},
		{before: "HSET k value v version 9007199254740990", call: "EXSET k v", reply: "+OK", after: "HSET k value v version 9007199254740991"},
		{before: "HSET k value v version 9007199254740991", call: "EXSET k new", reply: beyond},
		{before: "HSET k value v version 9007199254740993", call: "EXSET k new ABS 1", reply: beyond},

		{before: "SET k v", call: "EXSET k v", reply: wrongType},
		{before: "RPUSH k v", call: "EXSET k v NX", reply: wrongType},
		{before: "HSET k other x", call: "EXSET k v", reply: wrongType},
		{before: "HSET k value x", call: "EXSET k v", reply: wrongType},
		{before: "HSET k version 1", call: "EXSET k v", reply: wrongType},
		{before: "HSET k value v version x", call: "EXSET k v ABS 1", reply: wrongType},
		{before: "HSET k value v version -1", call: "EXSET k v", reply: wrongType},
		{before: "HSET k value v version 01", call: "EXSET k v", reply: wrongType},
	})
}

func TestEXGET(t *testing.T) {
	const wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
	semantics(t, []semantic{
		{before: "HSET k value v version 1", call: "EXGET k", reply: `["v" :1]`},
		{before: `HSET k value "\x00\r\n" version 9007199254740991; EXPIRE k 1000`, call: "exget k", reply: `["\x00\r\n" :9007199254740991]`},
		{before: `HSET k value "" version 0`, call: "EXGET k", reply: `["" :0]`},
		{call: "EXGET k", reply: "$-1"},
		{before: "SET k v", call: "EXGET k", reply: wrongType},
		{before: "HSET k other v", call: "EXGET k", reply: wrongType},
		{before: "HSET k value v version 9007199254740992", call: "EXGET k", reply: "-ERR value is beyond 2^53, which needs a server with this command built in"},
		{call: "EXGET", reply: "-ERR wrong number of arguments for 'exget' command"},
		{call: "EXGET k WITHFLAGS", reply: "-ERR wrong number of arguments for 'exget' command"},
	})
}

func TestEXCAS(t *testing.T) {
	const (
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		syntax    = "-ERR syntax error"
		beyond    = "-ERR value is beyond 2^53, which needs a server with this command built in"
		v3        = "HSET k value v version 3"
		v4        = "HSET k value new version 4"
	)
	semantics(t, []semantic{
		{before: v3, call: "EXCAS k new 3", reply: `[+OK + :4]`, after: v4},
		{before: v3, call: "EXCAS k new 2", reply: `[+CAS_FAILED "v" :3]`},
		{before: v3, call: "EXCAS k new 0", reply: `[+CAS_FAILED "v" :3]`},
		{before: v3 + "; EXPIRE k 5000", call: "EXCAS k new 4 EX 1000", reply: `[+CAS_FAILED "v" :3]`},
		{call: "EXCAS k new 1", reply: ":-1"},
		{before: v3 + "; EXPIRE k 5000", call: "excas k new 3", reply: `[+OK + :4]`, after: v4},
		{before: v3 + "; EXPIRE k 5000", call: "EXCAS k new 3 KEEPTTL", reply: `[+OK + :4]`, after: v4 + "; EXPIRE k 5000"},
		{before: v3, call: "EXCAS k new 3 EX 1000", reply: `[+OK + :4]`, after: v4 + "; EXPIRE k 1000"},
		{before: v3, call: "EXCAS k new 3 PX 1000000", reply: `[+OK + :4]`, after: v4 + "; EXPIRE k 1000"},
		{before: v3, call: "EXCAS k new 3 EXAT {s+1000}", reply: `[+OK + :4]`, after: v4 + "; EXPIRE k 1000"},
		{before: v3 + "; EXPIRE k 5000", call: "EXCAS k new 3 PXAT {ms+1000000}", reply: `[+OK + :4]`, after: v4 + "; EXPIRE k 1000"},
		{before: v3, call: "EXCAS k new 3 EXAT 1", reply: `[+OK + :4]`, after: "none"},
		{before: v3, call: "EXCAS k new x", reply: "-ERR version should be integer"},
		{before: v3, call: "EXCAS k new -1", reply: syntax},
		{before: v3, call: "EXCAS k new 3 NX", reply: syntax},
		{before: v3, call: "EXCAS k new 3 EX 0", reply: syntax},
		{before: v3, call: "EXCAS k new 3 EX x", reply: syntax},
		{before: v3, call: "EXCAS k new 9007199254740992", reply: beyond},
		{before: v3, call: "EXCAS k new 3 EX 9007199254741", reply: beyond},
		{before: "HSET k value v version 9007199254740991", call: "EXCAS k new 9007199254740991", reply: beyond},
		{before: "HSET k value v version 9007199254740991", call: "EXCAS k new 9007199254740990", reply: `[+CAS_FAILED "v" :9007199254740991]`},
		{before: "SET k v", call: "EXCAS k new 3", reply: wrongType},
		{before: "HSET k other v", call: "EXCAS k new 3", reply: wrongType},
		{before: `HSET k value "\r\n\xff" version 3`, call: "EXCAS k new 4", reply: `[+CAS_FAILED "\r\n\xff" :3]`},
		{call: "EXCAS k new", reply: "-ERR wrong number of arguments for 'excas' command"},
	})
}

func TestEXCAD(t *testing.T) {
	const v3 = "HSET k value v version 3"
	semantics(t, []semantic{
		{before: v3, call: "EXCAD k 3", reply: ":1", after: "none"},
		{before: v3 + " other x; EXPIRE k 1000", call: "excad k 3", reply: ":1", after: "none"},
		{before: v3, call: "EXCAD k 2", reply: ":0"},
		{before: v3, call: "EXCAD k -3", reply: ":0"},
		{call: "EXCAD k 3", reply: ":-1"},
		{before: v3, call: "EXCAD k x", reply: "-ERR syntax error"},
		{before: v3, call: "EXCAD k 9007199254740992", reply: "-ERR value is beyond 2^53, which needs a server with this command built in"},
		{before: "SET k 3", call: "EXCAD k 3", reply: "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{before: "HSET k version 3", call: "EXCAD k 3", reply: "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{call: "EXCAD k", reply: "-ERR wrong number of arguments for 'excad' command"},
	})
}

func TestEXFailsWhole(t *testing.T) {
	const v1 = "HSET k value v version 1; EXPIRE k 1000"
	failsWhole(t, []trial{
		{v1, "EXSET k new"}, {"", "EXSET k new"}, {v1, "EXSET k new KEEPTTL"}, {v1, "EXSET k new EX 2000"}, {v1, "EXSET k new EXAT {s+2000}"},
		{"", "EXSET k new PX 2000000"}, {"", "EXSET k new PXAT {ms+2000000}"},
	})
	failsWhole(t, []trial{
		{v1, "EXCAS k new 1"}, {v1, "EXCAS k new 1 KEEPTTL"}, {v1, "EXCAS k new 1 PX 2000000"}, {v1, "EXCAS k new 1 PXAT {ms+2000000}"}, {"", "EXCAS k new 1"},
	})
	failsWhole(t, []trial{{v1, "EXCAD k 1"}, {"", "EXCAD k 1"}})
	failsWhole(t, []trial{{v1, "EXGET k"}, {"", "EXGET k"}})
}
