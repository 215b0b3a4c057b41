package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

const jobs = 1500

// fillJobs makes jobs that are due, and some that are not.
func fillJobs(c *contender) {
	for i := range jobs {
		c.call("ZADD due %d job-%d", i, i)
	}
	c.call("ZADD due 9000000000000 later")
}

// claims notes who got which job, and what score it had.
type claims struct {
	mu  sync.Mutex
	got map[string][]string
}

func (c *claims) add(id int, reply []string, note func(job, score string) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i < len(reply); i += 2 {
		c.got[reply[i]] = append(c.got[reply[i]], note(reply[i], reply[i+1]))
	}
}

// TestRaceZPOPBYSCORE: each job that is due goes to one worker, and no other job to any.
func TestRaceZPOPBYSCORE(t *testing.T) {
	taken := claims{got: map[string][]string{}}
	filled := make(chan struct{})
	_, after := race(t, func(c *contender) {
		if c.id == 0 {
			fillJobs(c)
			close(filled)
		}
		for {
			reply := c.call("ZPOPBYSCORE due -inf %d LIMIT %d", jobs, 1+c.id%4)
			taken.add(c.id, reply, func(job, score string) string {
				if job != "job-"+score {
					t.Errorf("%s had the score %s", job, score)
				}
				return fmt.Sprint(c.id)
			})
			select {
			case <-filled:
				if len(reply) == 0 {
					return
				}
			default:
			}
		}
	})
	for job, by := range taken.got {
		if len(by) != 1 {
			t.Errorf("%s went to %v", job, by)
		}
	}
	if len(taken.got) != jobs || len(after.call("ZRANGE due 0 -1")) != 1 {
		t.Errorf("%d jobs were taken", len(taken.got))
	}
}

// TestRaceZMOVEBYSCORE: jobs move from due to running with a lease, whose end is the score. Some workers never finish, and
// when a lease has ended the job is another's. Each claim of a job takes away the state that the one before left, so no two
// take the same; each job is finished once.
func TestRaceZMOVEBYSCORE(t *testing.T) {
	const lease = 30 // ms
	type claim struct{ job, score string }
	var mu sync.Mutex
	by := map[claim]int{}        // who took the job from this score
	left := map[claim]bool{}     // scores that claims have given
	finished := map[string]int{} // how often
	_, after := race(t, func(c *contender) {
		if c.id == 0 {
			fillJobs(c)
		}
		for round := 0; ; round++ {
			mu.Lock()
			done := len(finished) == jobs
			mu.Unlock()
			if done {
				return
			}
			now := time.Now().UnixMilli()
			// A score that is this claim's alone: the last two digits tell the contenders apart.
			ends := fmt.Sprint((now+lease)*100 + int64(c.id))
			from, most := "due", int64(jobs)
			if round%2 == 1 {
				from, most = "running", now*100
			}
			reply := c.call("ZMOVEBYSCORE %s running -inf %d %s LIMIT 5", from, most, ends)
			mu.Lock()
			for i := 0; i < len(reply); i += 2 {
				took := claim{reply[i], reply[i+1]}
				if other, twice := by[took]; twice {
					t.Errorf("%v was claimed by %d and %d", took, other, c.id)
				}
				by[took] = c.id
				left[claim{reply[i], ends}] = true
			}
			mu.Unlock()
			if (c.id+round)%3 == 0 {
				continue // this worker dies, and another comes in its place
			}
			for i := 0; i < len(reply); i += 2 {
				if c.call("ZREM running %s", reply[i])[0] == "1" {
					mu.Lock()
					finished[reply[i]]++
					mu.Unlock()
				}
			}
		}
	})
	again := 0
	for took := range by {
		if took.job != "job-"+took.score {
			again++
			if !left[took] {
				t.Errorf("%v was claimed, but no claim left it so", took)
			}
		}
	}
	for job, n := range finished {
		if n != 1 {
			t.Errorf("%s was finished %d times", job, n)
		}
	}
	if again == 0 || len(finished) != jobs || after.call("ZCARD running")[0] != "0" {
		t.Errorf("%d claims after a lease had ended, %d jobs finished", again, len(finished))
	}
}
