package e2e

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRaceLock: one at a time has the lock, and each has a larger fence than the one before, also where locks expire under
// those who hold them.
func TestRaceLock(t *testing.T) {
	var inside atomic.Int32
	last := int64(0) // what the lock guards
	h, _ := race(t, func(c *contender) {
		for range 4 {
			got := c.call("LOCK l worker-%d PX 60000 FENCE f", c.id)
			for ; got[0] == "0"; got = c.call("LOCK l worker-%d PX 60000 FENCE f", c.id) {
			}
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d have the lock", n)
			}
			if fence := c.number(got[1]); fence <= last {
				t.Errorf("fence %d after %d", fence, last)
			} else {
				last = fence
			}
			if again := c.call("LOCK l worker-%d PX 60000 FENCE f", c.id); again[1] != got[1] {
				t.Errorf("fence %s when refreshed, %s before", again[1], got[1])
			}
			inside.Add(-1)
			if got := c.call("UNLOCK l worker-%d", c.id); got[0] != "1" {
				t.Errorf("UNLOCK: %v", got)
			}
		}
	})
	if last != 4*contenders {
		t.Errorf("the last fence is %d", last)
	}
	h.thin(func(_, out []string) bool { return out[0] == "0" })
	h.linearizable(t, "", lockModel)
}

// lockModel is LOCK and UNLOCK; the state is the last fence, a space, and the token that has the lock.
func lockModel(state string, in, out []string) (bool, string) {
	fence, token, _ := strings.Cut(state, " ")
	fence = max(fence, "0")
	switch in[0] {
	case "LOCK":
		if token != "" && token != in[2] {
			return out[0] == "0" && out[1] == "-1", state
		}
		if token == "" {
			fence = plus(fence, 1)
		}
		return out[0] == "1" && out[1] == fence, fence + " " + in[2]
	default: // UNLOCK
		switch token {
		case "":
			return out[0] == "-1", state
		case in[2]:
			return out[0] == "1", fence + " "
		}
		return out[0] == "0", state
	}
}

// TestRaceLockExpires: where nobody gives a lock back, it goes from one to the next by its expiry. No two get the same
// fence, and who asks after an answer has a larger one than that answer's.
func TestRaceLockExpires(t *testing.T) {
	var mu sync.Mutex
	granted := map[int64]int{}
	far := func() (count int, top int64) {
		mu.Lock()
		defer mu.Unlock()
		for f := range granted {
			top = max(top, f)
		}
		return len(granted), top
	}
	deadline := time.Now().Add(patience)
	race(t, func(c *contender) {
		for {
			count, before := far()
			if count >= 100 || time.Now().After(deadline) {
				return
			}
			got := c.call("LOCK l worker-%d PX 2 FENCE f", c.id)
			if got[0] == "0" {
				continue
			}
			fence := c.number(got[1])
			mu.Lock()
			other, taken := granted[fence]
			granted[fence] = c.id
			mu.Unlock()
			// Refreshed by chance, before the 2 ms were over, it is the fence that this one had.
			if taken && other != c.id || !taken && fence <= before {
				t.Errorf("fence %d for %d: another's is %v (%d), an earlier answer's %d", fence, c.id, taken, other, before)
			}
		}
	})
	if len(granted) < 100 {
		t.Errorf("the lock was taken %d times only", len(granted))
	}
}

// TestRaceSemaphore: there are never more leases than LIMIT.
func TestRaceSemaphore(t *testing.T) {
	const limit = 5
	var inside, most atomic.Int32
	h, after := race(t, func(c *contender) {
		for range 4 {
			for c.call("SEM.ACQUIRE s worker-%d LIMIT %d PX 60000", c.id, limit)[0] == "0" {
			}
			n := inside.Add(1)
			if n > limit {
				t.Errorf("%d have a lease", n)
			}
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			inside.Add(-1)
			if got := c.call("SEM.RELEASE s worker-%d", c.id); got[0] != "1" {
				t.Errorf("SEM.RELEASE: %v", got)
			}
		}
	})
	if got := after.call("EXISTS s"); got[0] != "0" {
		t.Error("the key is left")
	}
	h.thin(func(_, out []string) bool { return out[0] == "0" })
	h.linearizable(t, "", func(state string, in, out []string) (bool, string) {
		tokens := strings.Fields(state)
		mine := slices.Contains(tokens, in[2])
		switch {
		case in[0] == "SEM.RELEASE":
			tokens = slices.DeleteFunc(tokens, func(s string) bool { return s == in[2] })
			return out[0] == map[bool]string{true: "1", false: "0"}[mine], strings.Join(tokens, " ")
		case !mine && len(tokens) >= limit:
			return out[0] == "0" && out[1] == plus("0", len(tokens)), state
		case !mine:
			tokens = append(tokens, in[2])
			slices.Sort(tokens)
		}
		return out[0] == "1" && out[1] == plus("0", len(tokens)), strings.Join(tokens, " ")
	})
}
