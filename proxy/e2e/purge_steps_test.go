package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// populate writes prefix1 to prefixN straight into a server, with short values.
func populate(tb testing.TB, s *redistest.Server, prefix string, n int) {
	tb.Helper()
	const script = "for i = ARGV[2], ARGV[3] do redis.call('SET', ARGV[1] .. string.format('%d', i), 'v') end return 'ok'"
	c := s.Dial(tb)
	for from := 1; from <= n; from += 100_000 {
		if got := c.Do("EVAL", script, "0", prefix, strconv.Itoa(from), strconv.Itoa(min(n, from+99_999))); got != bulk("ok") {
			tb.Fatal(got)
		}
	}
}

// dbsize is how many keys a server has.
func dbsize(c *redistest.Client) (n int) {
	fmt.Sscanf(c.Do("DBSIZE"), ":%d", &n)
	return n
}

// TestPurgeStepwise: SNAPSHOT and SWEEP remove just what PURGE in one step would, on
// each server, in RESP2 and RESP3, and say before with DRYRUN how many that is.
func TestPurgeStepwise(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r := startReady(t, before(s))
		direct := s.Dial(t)
		fill := func() {
			direct.Do("FLUSHALL")
			populate(t, s, "k:", 3000)
			for _, command := range []string{"SET other v", "SET k:e v EX 1000", "SET k:w w", "SET k:empty x", "LPUSH k:l v", "SADD k:s v", "ZADD k:z 1 v",
				"HSET k:h f v", "XADD k:x 1-1 f v", "SET k:1:atomicproxy:once:{k:1}:t v", "SET k*1 v", "SET k:\x00\xff v"} {
				direct.Do(strings.Split(command, " ")...)
			}
			direct.Do("SETRANGE", "k:empty", "0", "")
			direct.Do("SET", "k:\r\n", "v")
		}
		for _, options := range []string{
			"k:*", "PREFIX k:", "PREFIX k*", "k:1??", "k:[lsz]", "k:* TYPE string", "k:* TYPE LIST", "k:* TYPE stream", "k:* NOEXPIRE", "k:* IFEQ v",
			"k:* IFEQ w NOEXPIRE", "k:* IFEQ v TYPE set", "k:* IDLETIME 0 TYPE hash", "k:* IDLETIME 1000", "none:*", "*:atomicproxy:once:*",
		} {
			fill()
			c := r.dial(t)
			args := append([]string{"PURGE"}, strings.Split(options, " ")...)
			want := c.do(append(args, "DRYRUN")...)
			for i, mode := range []string{"", "SNAPSHOT", "SWEEP"} {
				c.do("HELLO", strconv.Itoa(2+i%2))
				call := append(slices.Clone(args), strings.Fields(mode)...)
				all := dbsize(direct)
				c.must(want, append(slices.Clone(call), "DRYRUN")...)
				if n := dbsize(direct); n != all {
					t.Errorf("%q DRYRUN has removed %d keys", call, all-n)
				}
				c.must(want, call...)
				var n int
				fmt.Sscanf(want, ":%d", &n)
				if left := dbsize(direct); left != all-n {
					t.Errorf("%q: %s were removed, but %d of %d keys are left", call, want, left, all)
				}
				c.must(":0\r\n", call...)
				fill()
			}
			c.Close()
		}
		c := r.dial(t)
		c.mustFail("LIMIT", words("PURGE k:* SNAPSHOT LIMIT 3000")...)
		c.mustFail("ERR LIMIT and SWEEP", words("PURGE k:* SWEEP LIMIT 3000")...)
		c.must("+OK\r\n", "MULTI")
		c.mustFail("ERR PURGE with SNAPSHOT", words("PURGE k:* SWEEP")...)
		c.mustFail("EXECABORT", "EXEC")
		if n := dbsize(direct); n != 3013 {
			t.Errorf("%d keys, want 3013", n)
		}
		idle(t, r)
	})
}

// idle waits until the proxy has nothing in flight, and no PURGE under way.
func idle(tb testing.TB, r *running) {
	tb.Helper()
	eventually(tb, "nothing is in flight", func() bool {
		for _, l := range r.Snapshot().Loops {
			if l.InFlight != 0 || l.Purge.Running != 0 || l.Upstreams.Pinned != 0 {
				return false
			}
		}
		return true
	})
}

// TestPurgeStepwiseRights: the rights that docs/purge.md names are enough; a key
// that is not the user's keeps SNAPSHOT from removing any, and ends a SWEEP.
func TestPurgeStepwiseRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r, admin := withUsers(t, s)
		least := "+evalsha +evalsha_ro +scan +unlink"
		old := !s.Valkey && !s.AtLeast("7.0")
		if old {
			least = "+evalsha +scan +unlink +exists"
		}
		become := func(rights string) *client {
			t.Helper()
			args := append(words("ACL SETUSER cleaner reset on >c ~tmp:*"), words(rights)...)
			if got := admin.Do(args...); got != "+OK\r\n" {
				t.Fatalf("%q: %s", args, got)
			}
			c := r.dial(t)
			c.must("+OK\r\n", "AUTH", "cleaner", "c")
			return c
		}
		fill := func() {
			t.Helper()
			if got := admin.Do("MSET", "tmp:1", "v", "tmp:2", "v", "kept", "v"); got != "+OK\r\n" {
				t.Fatal(got)
			}
		}
		for _, mode := range []string{"SNAPSHOT", "SWEEP"} {
			for _, tt := range []struct{ options, needs string }{
				{"", ""}, {"DRYRUN", ""}, {"TYPE string", "+type"}, {"NOEXPIRE", "+pttl"}, {"IFEQ v", "+getrange"}, {"IDLETIME 0", "+object|idletime"},
			} {
				fill()
				call := words("PURGE tmp:* " + mode + " " + tt.options)
				if tt.needs != "" && (mode == "SWEEP" || tt.needs != "+type") {
					become(least).mustFail("NOPERM", call...)
				}
				become(least+" "+tt.needs).must(":2\r\n", call...)
			}
			fill()
			become(least).mustFail("NOPERM", words("PURGE *t* "+mode)...)
			if got := admin.Do("EXISTS", "tmp:1", "tmp:2", "kept"); mode == "SNAPSHOT" && got != ":3\r\n" || !strings.HasSuffix(admin.Do("EXISTS", "kept"), ":1\r\n") {
				t.Errorf("%s: of three, %s are left", mode, got)
			}
			for _, one := range []string{"+scan", "+unlink"} {
				fill()
				become(strings.Replace(least, one, "", 1)).mustFail("NOPERM", words("PURGE tmp:* "+mode)...)
				if got := admin.Do("EXISTS", "tmp:1", "tmp:2"); got != ":2\r\n" {
					t.Errorf("%s without %s: %s are left", mode, one, got)
				}
			}
		}
	})
}

// TestPurgeSnapshotOneStep: of 50,000 matches no reader ever sees one gone and
// another there.
func TestPurgeSnapshotOneStep(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		const n = 50_000
		populate(t, s, "snap:", n)
		populate(t, s, "other:", 1000)
		r := startReady(t, before(s))
		stop, seen := make(chan struct{}), make(chan map[string]int, 1)
		reader := s.Dial(t)
		go func() {
			counts := map[string]int{}
			for {
				select {
				case <-stop:
					seen <- counts
					return
				default:
				}
				got, err := reader.Call("EXISTS", "snap:1", "snap:17", "snap:25000", "snap:50000")
				if err != nil {
					got = err.Error()
				}
				counts[got]++
			}
		}()
		r.dial(t).must(":50000\r\n", "PURGE", "snap:*", "SNAPSHOT", "LIMIT", "50000")
		close(stop)
		counts := <-seen
		for got, times := range counts {
			if got != ":4\r\n" && got != ":0\r\n" {
				t.Errorf("a reader saw %q %d times", got, times)
			}
		}
		if counts[":4\r\n"] == 0 {
			t.Errorf("hardly a test: %v", counts)
		}
		if left := dbsize(s.Dial(t)); left != 1000 {
			t.Errorf("%d other keys are left, want 1000", left)
		}
	})
}

// purges reads PROXY PURGES: the lines.
func (c *client) purges() []string {
	c.tb.Helper()
	_, text, _ := strings.Cut(c.do("PROXY", "PURGES"), "\r\n")
	return strings.Fields(strings.ReplaceAll(strings.TrimSpace(text), " ", "|"))
}

// TestPurgeList: PROXY PURGES shows a SWEEP that is under way to an admin and to its
// own user, who may end it; nobody else may.
func TestPurgeList(t *testing.T) {
	s := redistest.Start(t)
	populate(t, s, "ann:", 100_000)
	r, admin := withUsers(t, s)
	admin.Do(words("ACL SETUSER ann -slowlog")...)
	admin.Do(words("ACL SETUSER bob -slowlog")...)
	as := func(user, password string) *client {
		c := r.dial(t)
		c.must("+OK\r\n", "AUTH", user, password)
		return c
	}
	sweeper, ann, bob, root := as("ann", "a"), as("ann", "a"), as("bob", "b"), as("root", "r")
	admin.Timeout = patience
	for i, canceller := range []*client{ann, root} {
		sweeper.say(words("PURGE ann:* SWEEP")...)
		var lines []string
		eventually(t, "the SWEEP is listed, and has removed something", func() bool {
			lines = root.purges()
			return len(lines) == 1 && !strings.Contains(lines[0], "|removed=0|")
		})
		id, _, _ := strings.Cut(strings.TrimPrefix(lines[0], "id="), "|")
		if !strings.Contains(lines[0], "|mode=sweep|pattern=ann:*|client=127.0.0.1:") || !strings.Contains(lines[0], "|user=ann|db=0|scanned=") {
			t.Errorf("PROXY PURGES: %s", lines)
		}
		if got := bob.purges(); len(got) != 0 {
			t.Errorf("bob sees %s", got)
		}
		if got := ann.purges(); len(got) != 1 {
			t.Errorf("ann sees %s", got)
		}
		bob.mustFail("DENIED", "PROXY", "PURGE", "CANCEL", id)
		root.must(":0\r\n", "PROXY", "PURGE", "CANCEL", "12345")
		root.mustFail("ERR", "PROXY", "PURGE", "STOP", id)
		canceller.must(":1\r\n", "PROXY", "PURGE", "CANCEL", id)
		reply, err := sweeper.Receive()
		if err != nil || !strings.HasPrefix(reply, "-ERR PURGE SWEEP was cancelled (it had removed ") {
			t.Fatalf("round %d: %q, %v", i, reply, err)
		}
		if got := root.purges(); len(got) != 0 {
			t.Errorf("afterwards: %s", got)
		}
	}
	eventually(t, "the log has both records", func() bool {
		return strings.Count(r.log.String(), "audit.outcome=stopped") == 2
	})
	idle(t, r)
}

// TestSweepUpstreamReplaced: another server in the place of the first. The SWEEP begins
// again there, goes on to the end, and says how many keys went: exactly, unless the
// reply of a step was lost with the first server.
func TestSweepUpstreamReplaced(t *testing.T) {
	s := redistest.Start(t)
	const n = 200_000
	populate(t, s, "k:", n)
	r := startReady(t, before(s))
	c, direct := r.dial(t), s.Dial(t)
	c.Timeout = 60 * time.Second
	c.say(words("PURGE k:* SWEEP")...)
	eventually(t, "it has removed some", func() bool { return dbsize(direct) < n*9/10 })
	s.Kill()
	s.Restart(t) // empty, with another run_id
	populate(t, s, "k:", 3000)
	populate(t, s, "kept:", 3000)
	reply, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	if left := dbsize(s.Dial(t)); left < 3000 {
		t.Errorf("%d keys are left: of those that do not match there were 3000", left)
	}
	var least, most int
	if _, err := fmt.Sscanf(reply, ":%d", &least); err == nil {
		most = least
	} else if i := strings.Index(reply, "at least"); !redistest.IsError(reply, "UNCERTAIN") || i < 0 {
		t.Fatalf("got %q", reply)
	} else if _, err := fmt.Sscanf(reply[i:], "at least %d and at most %d keys", &least, &most); err != nil {
		t.Fatalf("got %q", reply)
	}
	if least < n/10 || most > n+3000 || most-least > 5000 {
		t.Errorf("got %q", reply)
	}
	idle(t, r)
}

// TestPurgeLongNames: pages of key names that are too long to hold are asked for
// again in smaller ones.
func TestPurgeLongNames(t *testing.T) {
	s := redistest.Start(t)
	direct := s.Dial(t)
	r := startReady(t, before(s))
	for _, mode := range []string{"SNAPSHOT", "SWEEP"} {
		for i := range 100 {
			direct.Do("SET", fmt.Sprintf("long:%d:%s", i, strings.Repeat("x", 300_000)), "v")
		}
		c := r.dial(t)
		c.Timeout = patience
		c.must(":100\r\n", "PURGE", "long:*", mode)
	}
	if n := dbsize(direct); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	idle(t, r)
}

// TestPurgeStepwiseEmbedded: the stand-in for Redis takes it as well.
func TestPurgeStepwiseEmbedded(t *testing.T) {
	s := redistest.Miniredis(t)
	r := startReady(t, before(s))
	c := r.dial(t)
	for _, mode := range []string{"SNAPSHOT", "SWEEP"} {
		for i := range 250 {
			c.do("SET", fmt.Sprintf("k:%d", i), "v")
		}
		c.must("+OK\r\n", "SET", "other", "v")
		c.must(":250\r\n", "PURGE", "k:*", mode, "DRYRUN")
		c.must(":250\r\n", "PURGE", "PREFIX", "k:", mode, "IFEQ", "v")
		c.must(":1\r\n", "DBSIZE")
	}
	idle(t, r)
}
