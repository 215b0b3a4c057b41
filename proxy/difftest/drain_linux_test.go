package difftest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// drainClient counts up in pipelines until its connection ends. What was acknowledged must be what ran: a command that
// the proxy took is answered, one that it didn't take has not run.
func drainClient(addr, key string, depth int) (acked int, err error) {
	c, err := oracleDial(addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for {
		if c.Send(strings.Repeat(redistest.Command("INCR", key), depth)) != nil {
			// The replies of what was taken before may still be here.
			depth = 1 << 30
		}
		for range depth {
			reply, err := c.Receive()
			if err != nil {
				return acked, nil
			}
			if acked++; reply != fmt.Sprintf(":%d\r\n", acked) {
				return acked, fmt.Errorf("INCR %s: %q, want %d", key, reply, acked)
			}
		}
	}
}

// TestDrain sends SIGTERM under load: nothing that ran is left unanswered, idle clients are let go, and the exit is
// clean and soon.
func TestDrain(t *testing.T) {
	s := redistest.Start(t)
	for _, depth := range []int{1, 50} {
		t.Run(fmt.Sprintf("pipelines of %d", depth), func(t *testing.T) {
			p := startChild(t, s, 0)
			idle := redistest.Dial(t, p.addr)
			must(t, idle, "+PONG\r\n", "PING")
			acked := make([]int, 30)
			var clients sync.WaitGroup
			for i := range acked {
				clients.Add(1)
				go func() {
					defer clients.Done()
					var err error
					if acked[i], err = drainClient(p.addr, fmt.Sprintf("drain:%d:%d", depth, i), depth); err != nil {
						t.Error(err)
					}
				}()
			}
			time.Sleep(500 * time.Millisecond)
			began := time.Now()
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case <-p.exited:
			case <-time.After(20 * time.Second):
				t.Fatal("the proxy does not end")
			}
			if p.err != nil {
				t.Errorf("exit: %v", p.err)
			}
			if d := time.Since(began); d > 10*time.Second {
				t.Errorf("draining took %v", d)
			}
			clients.Wait()
			if reply, err := idle.Call("PING"); err == nil {
				t.Errorf("an idle client is still served: %q", reply)
			}
			checkDrained(t, s, depth, acked)
		})
	}
}

func checkDrained(t *testing.T, s *redistest.Server, depth int, acked []int) {
	t.Helper()
	direct := s.Dial(t)
	total := 0
	for i, n := range acked {
		v := parseOne(direct.Do("GET", fmt.Sprintf("drain:%d:%d", depth, i)))
		ran, _ := strconv.Atoi(v.text)
		if ran != n {
			t.Errorf("client %d: %d ran, %d were acknowledged", i, ran, n)
		}
		total += n
	}
	if total < 1000 {
		t.Errorf("hardly a load: %d commands", total)
	}
}

// TestSecondSignal ends a drain that a client holds up.
func TestSecondSignal(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, 0)
	c := redistest.Dial(t, p.addr)
	if err := c.Send(redistest.Command("BLPOP", "never", "0")); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the client is blocked", func() bool {
		return strings.Contains(s.Dial(t).Do("INFO", "clients"), "blocked_clients:1\r\n")
	})
	began := time.Now()
	p.cmd.Process.Signal(syscall.SIGTERM)
	time.Sleep(200 * time.Millisecond)
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(15 * time.Second):
		t.Fatal("the proxy does not end")
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("the second signal took %v", d)
	}
}
