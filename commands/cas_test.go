package commands

import "testing"

const (
	wrongType  = "-WRONGTYPE Operation against a key holding the wrong kind of value"
	notInteger = "-ERR value is not an integer or out of range"
	beyond53   = "-ERR value is beyond 2^53, which needs a server with this command built in"
	syntaxErr  = "-ERR syntax error"
)

func TestCAS(t *testing.T) {
	semantics(t, []semantic{
		{before: "SET k a", call: "CAS k a b", reply: ":1", after: "SET k b"},
		{before: "SET k a", call: "cas k x b", reply: ":0"},
		{before: "", call: "CAS k a b", reply: ":-1"},
		{before: "", call: `CAS k "" b`, reply: ":-1"},
		{before: `SET k ""`, call: `CAS k "" ""`, reply: ":1"},
		{before: `SET k "a\x00\r\n\xff"`, call: `CAS k "a\x00\r\n\xff" "\xfe\x00"`, reply: ":1", after: `SET k "\xfe\x00"`},
		{before: `SET k "a\x00b"`, call: `CAS k "a\x00c" x`, reply: ":0"},
		{before: "SET k 10", call: "CAS k 10 11", reply: ":1", after: "SET k 11"},
		{before: "SET k 10", call: "CAS k 010 11", reply: ":0"},
		{before: "SET k 9007199254740993", call: "CAS k 9007199254740992 1", reply: ":0"},
		{before: "RPUSH k a", call: "CAS k a b", reply: wrongType},
		{before: "HSET k a b", call: "CAS k a b EX 5000", reply: wrongType},

		{before: "SET k a EX 5000", call: "CAS k a b", reply: ":1", after: "SET k b"},
		{before: "SET k a EX 5000", call: "CAS k x b", reply: ":0"},
		{before: "SET k a EX 5000", call: "CAS k a b KEEPTTL", reply: ":1", after: "SET k b EX 5000"},
		{before: "SET k a", call: "CAS k a b KEEPTTL KEEPTTL", reply: ":1", after: "SET k b"},
		{before: "SET k a", call: "CAS k a b EX 5000", reply: ":1", after: "SET k b EX 5000"},
		{before: "SET k a EX 9000", call: "CAS k a b EX 1 EX 5000", reply: ":1", after: "SET k b EX 5000"},
		{before: "SET k a", call: "CAS k a b px 5000000", reply: ":1", after: "SET k b EX 5000"},
		{before: "SET k a", call: "CAS k a b EXAT {s+5000}", reply: ":1", after: "SET k b EX 5000"},
		{before: "SET k a", call: "CAS k a b PXAT {ms+5000000}", reply: ":1", after: "SET k b EX 5000"},
		{before: "SET k a EX 9000", call: "CAS k a b EXAT 1", reply: ":1", after: "none"},
		{before: "SET k a", call: "CAS k a b PXAT {ms-1000}", reply: ":1", after: "none"},
		{before: "SET k a", call: "CAS k x b EXAT 1", reply: ":0"},

		{before: "SET k a", call: "CAS k", reply: "-ERR wrong number of arguments for 'cas' command"},
		{before: "SET k a", call: "CAS k a", reply: "-ERR wrong number of arguments for 'cas' command"},
		{before: "SET k a", call: "CAS k a b FOO", reply: syntaxErr},
		{before: "SET k a", call: "CAS k a b EX", reply: syntaxErr},
		{before: "SET k a", call: "CAS k a b EX 10 PX 10", reply: syntaxErr},
		{before: "SET k a", call: "CAS k a b EX 10 KEEPTTL", reply: syntaxErr},
		{before: "SET k a", call: "CAS k a b EX a FOO", reply: syntaxErr},
		{before: "SET k a", call: "CAS k a b EX a", reply: notInteger},
		{before: "SET k a", call: "CAS k a b EX 0", reply: "-ERR invalid expire time in 'cas' command"},
		{before: "SET k a", call: "CAS k x b PX -1", reply: "-ERR invalid expire time in 'cas' command"},
		{before: "RPUSH k a", call: "CAS k x b EXAT 9223372036854776", reply: "-ERR invalid expire time in 'cas' command"},
		{before: "SET k a", call: "CAS k a b EXAT 9223372036854775808", reply: notInteger},
		{before: "SET k a", call: "CAS k a b EXAT 9223372036854775", reply: ":1", after: "SET k b; PEXPIREAT k 9223372036854775000"},
		{before: "SET k a", call: "CAS k a b PX 9223372036854775807", reply: "-ERR invalid expire time in 'cas' command"},
	})
}

func TestCAD(t *testing.T) {
	semantics(t, []semantic{
		{before: "SET k a; SET other a", call: "CAD k a", reply: ":1", after: "SET other a"},
		{before: "SET k a EX 5000", call: "CAD k b", reply: ":0"},
		{before: "SET other a", call: "CAD k a", reply: ":-1"},
		{before: `SET k ""`, call: `CAD k ""`, reply: ":1", after: "none"},
		{before: "", call: `CAD k ""`, reply: ":-1"},
		{before: `SET k "\x00\r\n"`, call: `CAD k "\x00\r\n"`, reply: ":1", after: "none"},
		{before: `SET k "\x00\r\n"`, call: `CAD k "\x00"`, reply: ":0"},
		{before: "SADD k a", call: "CAD k a", reply: wrongType},
		{before: "SET k a", call: "CAD k", reply: "-ERR wrong number of arguments for 'cad' command"},
		{before: "SET k a", call: "CAD k a b", reply: "-ERR wrong number of arguments for 'cad' command"},
	})
}

func TestCASFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"SET k a EX 5000", "CAS k a b"},
		{"SET k a", "CAS k a b EX 5000"},
		{"SET k a EX 9000", "CAS k a b PXAT {ms+5000000}"},
		{"SET k a", "CAS k a b EXAT {s+5000}"},
	})
}

func TestCADFailsWhole(t *testing.T) {
	failsWhole(t, []trial{{"SET k a EX 5000", "CAD k a"}})
}
