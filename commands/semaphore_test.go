package commands

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSemaphoreErrors(t *testing.T) {
	const (
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		notInt    = "-ERR value is not an integer or out of range"
		beyond    = "-ERR value is beyond 2^53, which needs a server with this command built in"
		expire    = "-ERR invalid expire time in 'sem.acquire' command"
		far       = "ZADD s 9007199254740992 x"
	)
	semantics(t, []semantic{
		{before: "SET s v", call: "SEM.ACQUIRE s a LIMIT 1 PX 1000", reply: wrongType},
		{call: "SEM.ACQUIRE s a LIMIT 0 PX 1000", reply: "-ERR LIMIT must be at least 1"},
		{call: "SEM.ACQUIRE s a LIMIT -1 PX 1000", reply: "-ERR LIMIT must be at least 1"},
		{call: "SEM.ACQUIRE s a LIMIT x PX 1000", reply: notInt},
		{call: "SEM.ACQUIRE s a LIMIT 9007199254740992 PX 1000", reply: beyond},
		{call: "SEM.ACQUIRE s a LIMIT 1 PX 0", reply: expire},
		{call: "SEM.ACQUIRE s a LIMIT 1 PX -5", reply: expire},
		{call: "SEM.ACQUIRE s a LIMIT 1 PX 1.5", reply: notInt},
		{call: "SEM.ACQUIRE s a LIMIT 1 PX 9007199254740992", reply: beyond},
		{call: "SEM.ACQUIRE s a LIMIT 1 PX 9007199254740991", reply: beyond}, // from now on
		{call: "SEM.ACQUIRE s a LIMIT 1 LIMIT 1", reply: "-ERR syntax error"},
		{call: "SEM.ACQUIRE s a LIMIT 1 EX 1000", reply: "-ERR syntax error"},
		{call: "SEM.ACQUIRE s a LIMIT 1", reply: "-ERR wrong number of arguments for 'sem.acquire' command"},
		// Scores that SEM.ACQUIRE did not write.
		{before: far, call: "SEM.ACQUIRE s a LIMIT 2 PX 1000", reply: beyond},
		{before: "ZADD s inf x", call: "SEM.ACQUIRE s a LIMIT 2 PX 1000", reply: beyond},
		{before: "ZADD s inf x", call: "SEM.ACQUIRE s a LIMIT 1 PX 1000", reply: "[:0 :1 :9007199254740991]"},

		{before: "SET s v", call: "SEM.RELEASE s a", reply: wrongType},
		{call: "SEM.RELEASE s a", reply: ":0"},
		{before: "ZADD s {ms+1000000} b", call: "SEM.RELEASE s a", reply: ":0"},
		{before: "ZADD s {ms-1000} a", call: "SEM.RELEASE s a", reply: ":0"},
		{before: "ZADD s {ms+1000000} a", call: "sem.release s a", reply: ":1", after: "none"},
		{before: `ZADD s {ms+1000000} "\x00\r\n\xff" {ms+2000000} ""`, call: `SEM.RELEASE s "\x00\r\n\xff"`, reply: ":1", after: `ZADD s {ms+2000000} ""`},
		{before: "ZADD s {ms+2000000} a {ms+1000000} b; PEXPIREAT s {ms+2000000}", call: "SEM.RELEASE s a", reply: ":1", after: "ZADD s {ms+1000000} b; PEXPIREAT s {ms+1000000}"},
		{before: "ZADD s {ms+1000000} a {ms+2000000} b; PEXPIREAT s {ms+2000000}", call: "SEM.RELEASE s a", reply: ":1", after: "ZADD s {ms+2000000} b; PEXPIREAT s {ms+2000000}"},
		{before: "ZADD s {ms+1000000} a {ms-1000} b; PEXPIREAT s {ms+1000000}", call: "SEM.RELEASE s a", reply: ":1", after: "none"},
		{before: "ZADD s inf a inf b", call: "SEM.RELEASE s a", reply: ":1", after: "ZADD s inf b"},
		{call: "SEM.RELEASE s", reply: "-ERR wrong number of arguments for 'sem.release' command"},
	})
}

// TestSemaphore goes through a semaphore's life: taking, refusing, refreshing, and that the key ends with its last lease.
func TestSemaphore(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		acquire := func(want, token, limit, ms string) {
			t.Helper()
			if got := show(c.call("SEM.ACQUIRE", "s", token, "LIMIT", limit, "PX", ms)); !strings.HasPrefix(got, want) {
				t.Errorf("SEM.ACQUIRE %q LIMIT %s PX %s: %s, want %s", token, limit, ms, got, want)
			}
		}
		// life checks that the key lives about so many milliseconds, until exactly its last lease ends.
		life := func(ms int64) {
			t.Helper()
			reply := c.do("EVAL", "return {redis.call('ZREVRANGE', 's', 0, 0, 'WITHSCORES')[2], redis.call('PTTL', 's'), redis.call('TIME')[1]}", "0")
			r, _ := parseReply(reply + "\r\n")
			last, _ := strconv.ParseInt(r.elems[0].text, 10, 64)
			left, _ := strconv.ParseInt(r.elems[1].text, 10, 64)
			now, _ := strconv.ParseInt(r.elems[2].text, 10, 64)
			if ends := now*1000 + left; last < ends-50 || last > ends+1050 || left < ms-100_000 || left > ms {
				t.Errorf("the key lives %d ms, want about %d; its last lease ends at %d, now is %d s", left, ms, last, now)
			}
		}
		acquire("[:1 :1 :1000000]", "a", "2", "1000000")
		life(1_000_000)
		acquire("[:1 :2 :3000000]", "b\x00\r\n\xff", "2", "3000000")
		life(3_000_000)
		acquire("[:0 :2 :", "c", "2", "500000") // until the first ends, in less than 1,000 s
		acquire("[:1 :2 :2000000]", "a", "2", "2000000")
		acquire("[:1 :2 :1000000]", "b\x00\r\n\xff", "1", "1000000") // its own, though there are more than LIMIT
		life(2_000_000)
		acquire("[:0 :2 :", "c", "1", "500000")
		acquire("[:1 :3 :500000]", "c", "3", "500000")
		c.want(":1", "SEM.RELEASE", "s", "a")
		life(1_000_000)
		c.want(":0", "SEM.RELEASE", "s", "a")
		acquire("[:1 :3 :1000]", "", "3", "1000")
		c.want(":1", "SEM.RELEASE", "s", "")
		c.want(":1", "SEM.RELEASE", "s", "b\x00\r\n\xff")
		life(500_000)
		c.want(":1", "SEM.RELEASE", "s", "c")
		c.left(0)
		acquire("[:1 :1 :4000000000000]", "a", "1", "4000000000000")
	})
}

// TestSemaphoreReclaims: leases that have ended count no more, their token's neither, and go a hundred at a time.
func TestSemaphoreReclaims(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		args := []string{"ZADD", "s"}
		for i := range 250 {
			args = append(args, strconv.Itoa(i+1), fmt.Sprint("old", i))
		}
		c.do(args...)
		// old120 has ended and is not yet gone when it comes again: it moves, and is there once.
		for i, step := range []struct{ token, left string }{{"t0", ":151"}, {"old120", ":51"}, {"t2", ":3"}, {"t3", ":4"}} {
			if got := show(c.call("SEM.ACQUIRE", "s", step.token, "LIMIT", "4", "PX", "1000000")); got != fmt.Sprintf("[:1 :%d :1000000]", i+1) {
				t.Errorf("%s: %s", step.token, got)
			}
			if got := c.do("ZCARD", "s"); got != step.left {
				t.Errorf("%s leases are left after %s, want %s", got, step.token, step.left)
			}
		}
		if got := show(c.call("SEM.ACQUIRE", "s", "t9", "LIMIT", "4", "PX", "1")); !strings.HasPrefix(got, "[:0 :4 :") {
			t.Errorf("a fifth: %s", got)
		}
		if got := c.do("ZCOUNT", "s", "-inf", "1000000"); got != ":0" {
			t.Errorf("%s of those that ended are left", got)
		}
	})
}

// TestSemaphoreEnds: a lease that ends is free for the next one, after the time that it was told.
func TestSemaphoreEnds(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		c.want("*3\r\n:1\r\n:1\r\n:60", "SEM.ACQUIRE", "s", "a", "LIMIT", "1", "PX", "60")
		for deadline := time.Now().Add(10 * time.Second); ; {
			got := show(c.call("SEM.ACQUIRE", "s", "b", "LIMIT", "1", "PX", "1000000"))
			if got == "[:1 :1 :1000000]" {
				break
			}
			left, refused := strings.CutPrefix(got, "[:0 :1 :")
			if ms, err := strconv.Atoi(strings.TrimSuffix(left, "]")); !refused || err != nil || ms < 1 || ms > 60 || time.Now().After(deadline) {
				t.Fatalf("%s while another has a lease of 60 ms", got)
			}
		}
		c.want(":0", "SEM.RELEASE", "s", "a")
		c.want(":1", "SEM.RELEASE", "s", "b")
	})
}

func TestSemaphoreFailsWhole(t *testing.T) {
	failsWhole(t, []trial{
		{"ZADD s {ms-1000} x {ms-2000} y {ms+5000000} b; PEXPIREAT s {ms+5000000}", "SEM.ACQUIRE s a LIMIT 2 PX 1000000"},
		{"ZADD s {ms-1000} a {ms-2000} y", "SEM.ACQUIRE s a LIMIT 1 PX 1000000"},
		{"ZADD s {ms+5000000} b", "SEM.ACQUIRE s a LIMIT 1 PX 1000000"},
	})
	failsWhole(t, []trial{{"ZADD s {ms+5000000} a {ms+1000000} b; PEXPIREAT s {ms+5000000}", "SEM.RELEASE s a"}})
}
