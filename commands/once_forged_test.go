package commands

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// onceRecord is what a record begins with for a call.
func onceRecord(call string) string {
	var args [][]byte
	for a := range strings.SplitSeq(call, " ") {
		args = append(args, []byte(a))
	}
	return "atomicproxy-once-1:" + fingerprint(args)
}

// TestOnceForgedAtRandom: whatever is done to a record, the reply is one reply, and none of Lua's errors.
func TestOnceForgedAtRandom(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	good := []string{":7;", "$5;a;b\r\n", "+2;OK", "_;", "*4;:1;$3;\r\n+_;+2;OK", "*2;$1;a$1;1", "$3;2.5", "!;"}
	calls := []string{"incr k", "zincrby k 1 m", "zpopmin k", "zpopmax k 2", "cas k a b"}
	const bytes = "0123456789;:$+*_!-\r\n\x00xe."
	eachServer(t, func(t *testing.T, s *server) {
		r := rand.New(rand.NewPCG(1, 2))
		c := s.dial(t).load(rg)
		for i := range 600 {
			if i == 300 {
				c.do("HELLO", "3")
			}
			record, call := []byte(good[r.IntN(len(good))]), calls[r.IntN(len(calls))]
			for range 1 + r.IntN(3) {
				switch at := r.IntN(len(record) + 1); r.IntN(4) {
				case 0:
					record = slices.Insert(record, at, bytes[r.IntN(len(bytes))])
				case 1:
					record = record[:at]
				case 2:
					record = append(record, good[r.IntN(len(good))]...)
				default:
					if at < len(record) {
						record[at] = bytes[r.IntN(len(bytes))]
					}
				}
			}
			c.do("SET", "k:atomicproxy:once:{k}:t", onceRecord(call)+string(record))
			got := c.once(2+i/300, "t", strings.Split(call, " "))
			if got[0] == '-' && !strings.Contains(got, "holds no record of a reply") && !strings.Contains(got, "that ONCE can not give again") {
				t.Errorf("%s, %q: %q", call, record, got)
			}
			if got := c.do("PING"); got != "+PONG" {
				t.Fatalf("%s, %q: then PING is answered %q", call, record, got)
			}
		}
	})
}

// TestOnceForged: who may write the token's key can give another reply, and no more: no bytes behind it, no error of Lua's.
func TestOnceForged(t *testing.T) {
	rg := loadCatalogue(t, testSettings)
	const none = "-ERR the key that is to hold the token holds no record of a reply; nothing was executed"
	many := strings.Repeat("_;", 1<<20+1)
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(rg)
		for _, tc := range []struct{ call, record, want string }{
			{"INCR k", ":7;", ":7"}, {"INCR k", ":-9223372036854775808;", ":-9223372036854775808"}, {"INCR k", "$2;ab", "$2\r\nab"},
			{"INCR k", "$4;\r\n:1", "$4\r\n\r\n:1"}, {"INCR k", "$0;", "$0\r\n"}, {"INCR k", "_;", "$-1"}, {"INCR k", "*0;", "*0"},
			{"INCR k", "+2;OK", "+OK"}, {"INCR k", "+0;", "+"}, {"INCR k", "+10;CAS_FAILED", "+CAS_FAILED"},
			{"INCR k", "*3;:1;_;+2;OK", "*3\r\n:1\r\n$-1\r\n+OK"}, {"INCR k", "*2;:1;$2;:2", "*2\r\n:1\r\n$2\r\n:2"},
			{"INCR k", "!;", "-ERR the command was executed, and its reply is of a kind that ONCE can not give again"},

			{"INCR k", "+8;OK\r\n+OK", none}, {"INCR k", "+3;OK\n", none}, {"INCR k", "+3;OK\r", none}, {"INCR k", "+3;O\x00K", none}, {"INCR k", "+2;\xc3\xa9", none},
			{"INCR k", "*1;+8;OK\r\n+OK", none}, {"INCR k", "-3;ERR", none}, {"INCR k", "", none}, {"INCR k", ";", none}, {"INCR k", "x", none},
			{"INCR k", ":;", none}, {"INCR k", ":1", none}, {"INCR k", ":1;x", none}, {"INCR k", ":01;", none}, {"INCR k", ":1.5;", none},
			{"INCR k", ":nan;", none}, {"INCR k", ":inf;", none}, {"INCR k", ":1e999;", none}, {"INCR k", ":99999999999999999999;", none},
			{"INCR k", ":0x10;", none}, {"INCR k", "$3;ab", none}, {"INCR k", "$1;ab", none}, {"INCR k", "$-1;", none}, {"INCR k", "$-5;ab", none},
			{"INCR k", "$;", none}, {"INCR k", "$9007199254740991;a", none}, {"INCR k", "$99999999999999999999;a", none}, {"INCR k", "$1e3;a", none},
			{"INCR k", "_1;", none}, {"INCR k", "_", none}, {"INCR k", "*", none}, {"INCR k", "*1", none}, {"INCR k", "*1;", none}, {"INCR k", "*2;:1;", none},
			{"INCR k", "*1;:1;:2;", none}, {"INCR k", "*-1;", none}, {"INCR k", "*x;", none}, {"INCR k", "*1.5;_;_;", none}, {"INCR k", "*1;*1;_;", none},
			{"INCR k", "*9007199254740991;_;", none}, {"INCR k", "*1000000;_;", none}, {"INCR k", "*1048577;" + many, none}, {"INCR k", "!", none}, {"INCR k", "!;x", none},

			{"ZINCRBY k 1 m", "$1;x", "$1\r\nx"}, {"ZINCRBY k 1 m", "*1;$1;x", "*1\r\n$1\r\nx"}, {"ZPOPMIN k 2", "*1;$1;x", "*1\r\n$1\r\nx"},
			{"CAS k a b", "+8;OK\r\n+OK", none}, {"CAS k a b", ":5;", ":5"},
		} {
			call := strings.Split(tc.call, " ")
			c.do("FLUSHALL")
			c.do("SET", "k:atomicproxy:once:{k}:t", onceRecord(strings.ToLower(call[0])+tc.call[len(call[0]):])+tc.record)
			if got := c.once(2, "t", call); got != tc.want {
				t.Errorf("%s, %.60q: %.120q, want %q", tc.call, tc.record, got, tc.want)
			}
			if got := c.do("PING"); got != "+PONG" {
				t.Fatalf("%s, %.60q: then PING is answered %q", tc.call, tc.record, got)
			}
			if n := c.do("DBSIZE"); n != ":1" {
				t.Errorf("%s, %.60q: something was done: %s", tc.call, tc.record, n)
			}
		}
		c.do("HELLO", "3")
		for _, tc := range []struct{ call, record, want string }{
			{"ZINCRBY k 1 m", "$3;2.5", ",2.5"}, {"ZINCRBY k 1 m", "_;", "_"}, {"ZINCRBY k 1 m", "$1;x", none}, {"ZINCRBY k 1 m", "$0;", none},
			{"ZPOPMIN k", "*2;$1;a;$1;1", none}, {"ZPOPMIN k", "*2;$1;a$1;1", "*2\r\n$1\r\na\r\n,1"},
			{"ZPOPMIN k 2", "*2;$1;a$1;1", "*1\r\n*2\r\n$1\r\na\r\n,1"},
			{"ZPOPMIN k 2", "*1;$1;a", none}, {"ZPOPMIN k 2", "*2;$1;a$1;x", none}, {"ZPOPMIN k 2", "*2;$1;a_;", none}, {"ZPOPMIN k 2", "+2;OK", "+OK"},
		} {
			call := strings.Split(tc.call, " ")
			c.do("SET", "k:atomicproxy:once:{k}:t", onceRecord(strings.ToLower(call[0])+tc.call[len(call[0]):])+tc.record)
			if got := c.once(3, "t", call); got != tc.want {
				t.Errorf("RESP3 %s, %.60q: %.120q, want %q", tc.call, tc.record, got, tc.want)
			}
		}
	})
}
