package difftest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

func dialTimeout(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, 5*time.Second) }

// purge sends PURGE and returns the count.
func purge(c *redistest.Client, args ...string) (int, error) {
	reply, err := c.Call(append([]string{"PURGE"}, args...)...)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.Trim(reply, ":\r\n"))
	if err != nil || reply[0] != ':' {
		return 0, fmt.Errorf("PURGE %q: %q", args, reply)
	}
	return n, nil
}

// TestPurgeAmongWriters purges while others write and delete around it. Whatever matched when a PURGE was sent and was
// not written since is gone, and all counts together are the keys that vanished by PURGE.
func TestPurgeAmongWriters(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr)
		var created, removed, purged atomic.Int64
		var writers, purgers sync.WaitGroup
		stop := make(chan struct{})
		for w := range 4 {
			writers.Add(1)
			go func() {
				defer writers.Done()
				writeAndDelete(t, addr, w, stop, &created, &removed)
			}()
		}
		for p := range 3 {
			purgers.Add(1)
			go func() {
				defer purgers.Done()
				purgeOwn(t, addr, p, stop, &created, &purged)
			}()
		}
		time.Sleep(loadTime(1500*time.Millisecond) / 3)
		close(stop)
		purgers.Wait()
		writers.Wait()
		c := redistest.Dial(t, addr)
		n, err := purge(c, "PREFIX", "pu:", "LIMIT", "100000")
		if err != nil {
			t.Fatal(err)
		}
		purged.Add(int64(n))
		if left := s.Dial(t).Do("DBSIZE"); left != ":1\r\n" { // "other"
			t.Errorf("%q keys are left, want 1", left)
		}
		if created.Load() != removed.Load()+purged.Load() {
			t.Errorf("%d keys were created, %d deleted and %d purged", created.Load(), removed.Load(), purged.Load())
		}
		if removed.Load() == 0 || purged.Load() == 0 {
			t.Errorf("hardly a test: %d deleted, %d purged", removed.Load(), purged.Load())
		}
	})
}

// writeAndDelete creates keys of its own and deletes some of them, counting by the replies.
func writeAndDelete(t *testing.T, addr string, w int, stop <-chan struct{}, created, removed *atomic.Int64) {
	c, err := oracleDial(addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		key := fmt.Sprintf("pu:w%d:%d", w, i%50)
		reply, err := c.Call("SET", key, "v", "NX")
		if err == nil && reply == "+OK\r\n" {
			created.Add(1)
		}
		if err == nil && i%3 == 0 {
			reply, err = c.Call("DEL", key) // if no PURGE was quicker
			if reply == ":1\r\n" {
				removed.Add(1)
			}
		}
		if i%100 == 0 && err == nil {
			_, err = c.Call("SET", "other", "stays")
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// purgeOwn writes keys that nobody else writes, purges everything, and looks whether they are gone.
func purgeOwn(t *testing.T, addr string, p int, stop <-chan struct{}, created, purged *atomic.Int64) {
	c, err := oracleDial(addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	patterns := [][]string{{"pu:*"}, {"PREFIX", "pu:"}, {"pu:[a-z]*"}, {"PREFIX", "pu:", "LIMIT", "5000"}}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		var keys []string
		for k := range 1 + i%20 {
			key := fmt.Sprintf("pu:own%d:%d:%d", p, i, k)
			keys = append(keys, key)
			if reply, err := c.Call("SET", key, "v"); err != nil || reply != "+OK\r\n" {
				t.Errorf("SET: %q, %v", reply, err)
				return
			}
			created.Add(1)
		}
		n, err := purge(c, patterns[i%len(patterns)]...)
		if err != nil {
			t.Error(err)
			return
		}
		purged.Add(int64(n))
		if reply, err := c.Call(append([]string{"EXISTS"}, keys...)...); err != nil || reply != ":0\r\n" {
			t.Errorf("after PURGE, EXISTS of %d keys that matched before: %q, %v", len(keys), reply, err)
			return
		}
	}
}

// TestPurgeNeverPartly asks for more than the limit: nothing is deleted.
func TestPurgeNeverPartly(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		direct, c := s.Dial(t), redistest.Dial(t, startProxy(t, s.Addr))
		for i := range 11 {
			direct.Do("SET", fmt.Sprintf("k%d", i), "v")
		}
		direct.Do("SET", "other", "v")
		if got := c.Do("PURGE", "k*", "LIMIT", "10"); !redistest.IsError(got, "LIMIT") {
			t.Errorf("PURGE of 11 keys with LIMIT 10: %q", got)
		}
		if got := direct.Do("DBSIZE"); got != ":12\r\n" {
			t.Errorf("afterwards %q keys", got)
		}
		if got := c.Do("PURGE", "k*", "DRYRUN"); got != ":11\r\n" {
			t.Errorf("DRYRUN: %q", got)
		}
		if got := c.Do("PURGE", "k*", "LIMIT", "11"); got != ":11\r\n" {
			t.Errorf("PURGE of 11 keys with LIMIT 11: %q", got)
		}
		if got := direct.Do("DBSIZE"); got != ":1\r\n" {
			t.Errorf("afterwards %q keys", got)
		}
	})
}

// TestErrorTextInjection puts line ends and a forged reply into every argument of commands of ours: one frame comes out
// for each, and nobody else sees a byte of it.
func TestErrorTextInjection(t *testing.T) {
	const forged = "x\r\n+FORGED\r\n$6\r\nFORGED\r\n"
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		c := redistest.Dial(t, startProxy(t, s.Addr))
		for _, call := range [][]string{
			{forged}, {"PURGE", forged}, {"PURGE", "PREFIX", forged}, {"PURGE", "a*", forged}, {"PURGE", "a*", "LIMIT", forged},
			{"PURGE", "a*", "TYPE", forged}, {"PURGE", "a*", "IFEQ", forged}, {"PURGE", "a*", "IDLETIME", forged}, {"PURGE" + forged, "a"},
			{"CLIENT", forged}, {"CLIENT", "REPLY", forged}, {"HELLO", forged}, {"AUTH", forged}, {"SELECT", forged}, {"PROXY", forged},
			{"EVAL", forged, "0"}, {"SCRIPT", forged}, {"FUNCTION", forged}, {"COMMAND", forged}, {"COMMAND", "INFO", forged}, {"GET", forged, forged},
			{"MULTI" + forged}, {"OBJECT", forged, "x"},
		} {
			if err := c.Send(redistest.Command(call...) + redistest.Command("PING", "next")); err != nil {
				t.Fatal(err)
			}
			reply, err := c.Receive()
			if err != nil || strings.HasPrefix(reply, "+FORGED") {
				t.Fatalf("%.80q: %q, %v", call, reply, err)
			}
			if next, err := c.Receive(); err != nil || next != redistest.Bulk("next") {
				t.Fatalf("%.80q: reply %.200q, and then %.200q, %v", call, reply, next, err)
			}
		}
	})
}
