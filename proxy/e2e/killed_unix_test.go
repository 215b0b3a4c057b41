//go:build unix

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestProxyKilled: a proxy that is killed under load loses nothing that it acknowledged, and clients that ask the next
// one with their token get their first replies.
func TestProxyKilled(t *testing.T) {
	s := redistest.Start(t, durable...)
	c := startChild(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	const clients, each, kills = 20, 100, 4
	done := make(chan int, 1)
	go func() { done <- increments(t, ctx, c.addr, clients, each) }()
	tries := 0
	for range kills {
		if within(done, &tries, 150*time.Millisecond) {
			break
		}
		c.cmd.Process.Kill()
		<-c.exited
		c.again(t)
	}
	if tries == 0 {
		tries = <-done
	}
	direct, via := s.Dial(t), redistest.Dial(t, c.addr)
	if got, want := direct.Do("GET", "counter"), redistest.Bulk(fmt.Sprint(clients*each)); got != want {
		t.Errorf("the counter is %q, want %q", got, want)
	}
	// Long after, and through the last proxy: the first reply once more, and no effect.
	for range 2 {
		got := via.Do("ONCE", "0-0", "PX", "600000", "INCR", "counter")
		if got[0] != ':' || got > ":2" && len(got) > 7 {
			t.Errorf("the first increment once more: %q", got)
		}
	}
	if got, want := direct.Do("GET", "counter"), redistest.Bulk(fmt.Sprint(clients*each)); got != want {
		t.Errorf("then the counter is %q, want %q", got, want)
	}
	t.Logf("%d increments, asked for %d times", clients*each, tries)
}

// again starts the program anew, on the same addresses.
func (c *child) again(tb testing.TB) {
	tb.Helper()
	next := exec.Command(c.cmd.Path, c.cmd.Args[1:]...)
	c.log = &lockedBuffer{}
	next.Stdout, next.Stderr = c.log, c.log
	if err := redistest.Spawn(next); err != nil {
		tb.Fatal(err)
	}
	exited := make(chan struct{})
	c.cmd, c.exited = next, exited
	go func() {
		c.err = next.Wait()
		close(exited)
	}()
	eventually(tb, "the program serves", func() bool { return strings.Contains(c.log.String(), "msg=serving") })
}
