package difftest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// told reads the reply of a PURGE: between how many keys it says that it has removed.
func told(t *testing.T, reply string) (least, most int) {
	t.Helper()
	if _, err := fmt.Sscanf(reply, ":%d\r\n", &least); err == nil {
		return least, least
	}
	if _, after, ok := strings.Cut(reply, "at least "); ok {
		if _, err := fmt.Sscanf(after, "%d and at most %d keys", &least, &most); err == nil {
			return least, most
		}
	}
	if _, after, ok := strings.Cut(reply, "had removed "); ok {
		if _, err := fmt.Sscanf(after, "%d keys", &least); err == nil {
			return least, least
		}
	}
	for _, code := range []string{"UNAVAILABLE", "LIMIT", "TRYAGAIN"} {
		if redistest.IsError(reply, code) {
			return 0, 0
		}
	}
	if redistest.IsError(reply, "UNCERTAIN") { // of SNAPSHOT: all or none
		return 0, -1
	}
	t.Errorf("PURGE: %q", reply)
	return 0, 0
}

// TestPurgeStepsCut cuts the upstream's connections while keys are purged in steps,
// again and again until none is left. What the replies say adds up to what is gone, and
// what does not match stays.
func TestPurgeStepsCut(t *testing.T) {
	const keys = 20_000
	s := redistest.Start(t)
	direct := s.Dial(t)
	for _, mode := range []string{"SWEEP", "SNAPSHOT LIMIT 100000"} {
		for seed := range uint64(4) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			relay := faultconn.Start(t, s.Addr, func(int, *rand.Rand) faultconn.Faults { return faultconn.Faults{} })
			addr := startProxy(t, relay.Addr)
			for i := 0; i < keys; i += 1000 {
				write(t, direct, "cut:%d", i, 1000)
			}
			write(t, direct, "kept:%d", 0, 1000)
			left := func() int {
				var n int
				fmt.Sscanf(direct.Do("DBSIZE"), ":%d", &n)
				return n - 1000
			}
			var done atomic.Bool
			cutter := make(chan struct{})
			go func() {
				defer close(cutter)
				for n := 0; !done.Load() && n < 10; n++ {
					time.Sleep(time.Duration(rnd.Int64N(int64(30 * time.Millisecond)))) // the cuts fall where they may
					relay.KillAll(rnd.IntN(2) == 0)
				}
			}()
			least, most := 0, 0
			c := redistest.Dial(t, addr)
			c.Timeout = 60 * time.Second
			for tries := 0; left() > 0 && tries < 50; tries++ {
				before := left()
				low, high := told(t, c.Do(append([]string{"PURGE", "cut:*"}, strings.Fields(mode)...)...))
				if high < 0 {
					high = before // uncertain: all that were there, or none
				}
				if now := left(); now != 0 && now != before && mode != "SWEEP" {
					t.Errorf("%s, seed %d: a SNAPSHOT has removed %d of %d keys", mode, seed, before-now, before)
				}
				least, most = least+low, most+high
			}
			done.Store(true)
			<-cutter
			if n := left(); n != 0 || least > keys || most < keys {
				t.Errorf("%s, seed %d: %d matches are left, and the replies tell of %d to %d removed ones", mode, seed, n, least, most)
			}
			if got := direct.Do("EXISTS", "kept:0", "kept:999"); got != ":2\r\n" {
				t.Errorf("%s, seed %d: of two keys that do not match %q are left", mode, seed, got)
			}
			waitUntil(t, "nothing is under way", func() bool { return strings.HasPrefix(c.Do("PROXY", "PURGES"), "$0\r\n") })
			c.Close()
		}
	}
}

// write writes n keys whose names have the numbers from from on.
func write(t *testing.T, direct *redistest.Client, format string, from, n int) {
	t.Helper()
	args := []string{"MSET"}
	for k := range n {
		args = append(args, fmt.Sprintf(format, from+k), "v")
	}
	must(t, direct, "+OK\r\n", args...)
}
