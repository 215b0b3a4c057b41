package commands

import "testing"

func TestIncrex(t *testing.T) {
	const (
		arity     = "-ERR wrong number of arguments for 'increx' command"
		badExpiry = "-ERR invalid expire time in 'increx' command"
		crossed   = "-ERR LBOUND can't be greater than UBOUND"
		enx       = "-ERR ENX flag requires an expiration"
	)
	semantics(t, []semantic{
		{before: "", call: "INCREX k", reply: "[:1 :1]", after: "SET k 1"},
		{before: "SET k 10", call: "increx k", reply: "[:11 :1]", after: "SET k 11"},
		{before: "SET k 100", call: "INCREX k BYINT -10", reply: "[:90 :-10]", after: "SET k 90"},
		{before: "SET k 5", call: "INCREX k BYINT 0", reply: "[:5 :0]"},
		{before: "", call: "INCREX k BYINT 0", reply: "[:0 :0]", after: "SET k 0"},
		{before: "SET k -5", call: "INCREX k byint 5", reply: "[:0 :5]", after: "SET k 0"},

		// Beyond a bound nothing is touched, and a missing key stays missing.
		{before: "SET k 10", call: "INCREX k BYINT 10 UBOUND 15", reply: "[:10 :0]"},
		{before: "SET k 10", call: "INCREX k BYINT -10 LBOUND 5", reply: "[:10 :0]"},
		{before: "SET k 10 EX 5000", call: "INCREX k BYINT 10 UBOUND 15 EX 9000", reply: "[:10 :0]"},
		{before: "SET k 10 EX 5000", call: "INCREX k BYINT 10 UBOUND 15 PERSIST", reply: "[:10 :0]"},
		{before: "", call: "INCREX k BYINT 15 UBOUND 10", reply: "[:0 :0]"},
		{before: "", call: "INCREX k BYINT 5 LBOUND 10", reply: "[:0 :0]"},
		{before: "SET k 5", call: "INCREX k BYINT 5 UBOUND 10", reply: "[:10 :5]", after: "SET k 10"},
		{before: "SET k 10", call: "INCREX k BYINT -10 LBOUND 0", reply: "[:0 :-10]", after: "SET k 0"},
		{before: "SET k 7", call: "INCREX k LBOUND 0 BYINT -20 UBOUND 10", reply: "[:7 :0]"},
		{before: "SET k 3", call: "INCREX k LBOUND 4 UBOUND 4", reply: "[:4 :1]", after: "SET k 4"},

		// What is already outside is treated like what would get there.
		{before: "SET k 50", call: "INCREX k BYINT 5 UBOUND 30", reply: "[:50 :0]"},
		{before: "SET k 50", call: "INCREX k BYINT -5 UBOUND 30", reply: "[:50 :0]"},
		{before: "SET k 50", call: "INCREX k BYINT -25 UBOUND 30", reply: "[:25 :-25]", after: "SET k 25"},
		{before: "SET k -50", call: "INCREX k BYINT 30 LBOUND -20", reply: "[:-20 :30]", after: "SET k -20"},

		{before: "SET k 50", call: "INCREX k BYINT 100 UBOUND 80 SATURATE", reply: "[:80 :30]", after: "SET k 80"},
		{before: "SET k 10", call: "INCREX k BYINT -100 LBOUND 0 saturate", reply: "[:0 :-10]", after: "SET k 0"},
		{before: "SET k 10", call: "INCREX k SATURATE BYINT 5 UBOUND 5", reply: "[:5 :-5]", after: "SET k 5"},
		{before: "SET k -50", call: "INCREX k BYINT -5 LBOUND -30 SATURATE", reply: "[:-30 :20]", after: "SET k -30"},
		{before: "SET k 5 EX 5000", call: "INCREX k BYINT 5 UBOUND 5 SATURATE", reply: "[:5 :0]"},
		{before: "", call: "INCREX k BYINT 15 UBOUND 10 SATURATE", reply: "[:10 :10]", after: "SET k 10"},
		{before: "", call: "INCREX k BYINT -15 LBOUND 10 SATURATE EX 5000", reply: "[:10 :10]", after: "SET k 10 EX 5000"},
		{before: "SET k 1", call: "INCREX k SATURATE", reply: "[:2 :1]", after: "SET k 2"},

		{before: "SET k 1 EX 5000", call: "INCREX k", reply: "[:2 :1]", after: "SET k 2 EX 5000"},
		{before: "SET k 1 EX 5000", call: "INCREX k PERSIST", reply: "[:2 :1]", after: "SET k 2"},
		{before: "SET k 1", call: "INCREX k PERSIST", reply: "[:2 :1]", after: "SET k 2"},
		{before: "", call: "INCREX k PERSIST", reply: "[:1 :1]", after: "SET k 1"},
		{before: "SET k 1", call: "INCREX k EX 5000", reply: "[:2 :1]", after: "SET k 2 EX 5000"},
		{before: "SET k 1 EX 9000", call: "INCREX k PX 5000000", reply: "[:2 :1]", after: "SET k 2 EX 5000"},
		{before: "", call: "INCREX k EXAT {s+5000}", reply: "[:1 :1]", after: "SET k 1 EX 5000"},
		{before: "SET k 1 EX 9000", call: "INCREX k PXAT {ms+5000000}", reply: "[:2 :1]", after: "SET k 2 EX 5000"},
		{before: "SET k 10", call: "INCREX k EXAT 100", reply: "[:11 :1]", after: "none"},
		{before: "SET k 10 EX 5000", call: "INCREX k PXAT {ms-1000}", reply: "[:11 :1]", after: "none"},
		{before: "SET k 10", call: "INCREX k BYINT 5 UBOUND 12 EXAT 100", reply: "[:10 :0]"},
		{before: "SET k 10", call: "INCREX k BYINT 5 UBOUND 12 SATURATE EXAT 100", reply: "[:12 :2]", after: "none"},

		{before: "SET k 10", call: "INCREX k EX 5000 ENX", reply: "[:11 :1]", after: "SET k 11 EX 5000"},
		{before: "SET k 10 EX 9000", call: "INCREX k ENX EX 5000", reply: "[:11 :1]", after: "SET k 11 EX 9000"},
		{before: "SET k 10 EX 9000", call: "INCREX k PX 5000000 ENX", reply: "[:11 :1]", after: "SET k 11 EX 9000"},
		{before: "", call: "INCREX k EXAT {s+5000} ENX", reply: "[:1 :1]", after: "SET k 1 EX 5000"},
		{before: "SET k 10", call: "INCREX k EXAT 100 ENX", reply: "[:11 :1]", after: "none"},
		{before: "SET k 10 EX 5000", call: "INCREX k EXAT 100 ENX", reply: "[:11 :1]", after: "SET k 11 EX 5000"},

		// ±2^53: exact within, an error beyond, and a bound in between answers for itself.
		{before: "SET k 9007199254740990", call: "INCREX k", reply: "[:9007199254740991 :1]", after: "SET k 9007199254740991"},
		{before: "SET k -9007199254740990", call: "INCREX k BYINT -1", reply: "[:-9007199254740991 :-1]", after: "SET k -9007199254740991"},
		{before: "SET k 9007199254740991", call: "INCREX k BYINT -9007199254740991", reply: "[:0 :-9007199254740991]", after: "SET k 0"},
		{before: "SET k 9007199254740991", call: "INCREX k", reply: beyond53},
		{before: "SET k -9007199254740991", call: "INCREX k BYINT -2", reply: beyond53},
		{before: "SET k 9007199254740991", call: "INCREX k BYINT 9007199254740991 LBOUND 0", reply: beyond53},
		{before: "SET k 9007199254740991", call: "INCREX k SATURATE", reply: beyond53},
		{before: "SET k 9007199254740991", call: "INCREX k UBOUND 9007199254740991", reply: "[:9007199254740991 :0]"},
		{before: "SET k 9007199254740991", call: "INCREX k BYINT 9007199254740991 UBOUND 5", reply: "[:9007199254740991 :0]"},
		{before: "SET k -9007199254740991", call: "INCREX k BYINT -9007199254740991 LBOUND 0", reply: "[:-9007199254740991 :0]"},
		{before: "SET k 9007199254740990", call: "INCREX k BYINT 9 UBOUND 9007199254740991 SATURATE", reply: "[:9007199254740991 :1]", after: "SET k 9007199254740991"},
		{before: "SET k 9007199254740991", call: "INCREX k BYINT 1 UBOUND -9007199254740991 SATURATE", reply: beyond53},
		{before: "SET k 9007199254740992", call: "INCREX k BYINT -1", reply: beyond53},
		{before: "SET k 9007199254740993", call: "INCREX k BYINT 0", reply: beyond53},
		{before: "SET k -9223372036854775808", call: "INCREX k", reply: beyond53},
		{before: "SET k 1", call: "INCREX k BYINT 9007199254740992", reply: beyond53},
		{before: "SET k 1", call: "INCREX k UBOUND 9223372036854775807", reply: beyond53},
		{before: "SET k 1", call: "INCREX k LBOUND -9007199254740992", reply: beyond53},

		{before: "RPUSH k a", call: "INCREX k", reply: wrongType},
		{before: "HSET k a 1", call: "INCREX k BYINT 5 EX 5000 ENX", reply: wrongType},
		{before: "SET k hello", call: "INCREX k", reply: notInteger},
		{before: `SET k ""`, call: "INCREX k", reply: notInteger},
		{before: "SET k 1.0", call: "INCREX k", reply: notInteger},
		{before: "SET k 1e3", call: "INCREX k", reply: notInteger},
		{before: "SET k 0x10", call: "INCREX k", reply: notInteger},
		{before: "SET k 01", call: "INCREX k", reply: notInteger},
		{before: "SET k +1", call: "INCREX k", reply: notInteger},
		{before: "SET k -0", call: "INCREX k", reply: notInteger},
		{before: `SET k " 1"`, call: "INCREX k", reply: notInteger},
		{before: `SET k "1\x00"`, call: "INCREX k", reply: notInteger},
		{before: "SET k 9223372036854775808", call: "INCREX k", reply: notInteger},
		{before: "SET k -9223372036854775809", call: "INCREX k", reply: notInteger},
		{before: "SET k 99999999999999999999", call: "INCREX k", reply: notInteger},

		{before: "SET k 1", call: "INCREX", reply: arity},
		{before: "SET k 1", call: "INCREX k FOO", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k 5", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k BYINT", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k BYINT abc FOO", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k BYINT 1 BYINT 1", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k BYINT 1 BYFLOAT 1", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k UBOUND 9 UBOUND 9", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k SATURATE SATURATE", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k EX 10 EX 10", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k EX 10 PX 10", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k EX 10 PERSIST", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k PERSIST PERSIST", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k PERSIST ENX", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k ENX ENX EX 10", reply: syntaxErr},
		{before: "SET k 1", call: "INCREX k ENX", reply: enx},
		{before: "SET k 1", call: "INCREX k BYINT abc ENX", reply: enx},
		{before: "SET k 1", call: "INCREX k BYINT abc", reply: "-ERR Increment is not an integer or out of range"},
		{before: "SET k 1", call: "INCREX k BYINT 1.5 UBOUND x", reply: "-ERR Increment is not an integer or out of range"},
		{before: "SET k 1", call: "INCREX k BYINT 9223372036854775808", reply: "-ERR Increment is not an integer or out of range"},
		{before: "SET k 1", call: "INCREX k LBOUND x", reply: "-ERR LBOUND is not an integer or out of range"},
		{before: "SET k 1", call: "INCREX k UBOUND 1.5", reply: "-ERR UBOUND is not an integer or out of range"},
		{before: "SET k 1", call: "INCREX k LBOUND 10 UBOUND 5", reply: crossed},
		{before: "RPUSH k 1", call: "INCREX k LBOUND 10 UBOUND 5", reply: crossed},
		{before: "SET k 1", call: "INCREX k EX 0", reply: badExpiry},
		{before: "RPUSH k 1", call: "INCREX k PX -1", reply: badExpiry},
		{before: "SET k 1", call: "INCREX k UBOUND 0 EXAT 9223372036854775807", reply: badExpiry},
		{before: "SET k 1", call: "INCREX k EX x", reply: notInteger},
		{before: "SET k 1", call: "INCREX k BYFLOAT 1.5", reply: "-NOSUPPORT INCREX BYFLOAT needs a server that has it...", ours: true},
	})
}

func TestIncrexFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"SET k 1 EX 5000", "INCREX k BYINT 5"},
		{"SET k 1 EX 5000", "INCREX k PERSIST"},
		{"SET k 1 EX 5000", "INCREX k EX 9000 ENX"},
		{"SET k 1", "INCREX k PX 5000000 ENX"},
		{"SET k 1 EX 5000", "INCREX k BYINT 5 UBOUND 2 SATURATE EXAT {s+9000}"},
		{"SET k 1", "INCREX k PXAT {ms+5000000} ENX"},
	})
}
