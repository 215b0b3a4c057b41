package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestReloadUnderLoad changes the commands again and again while clients call
// them, alone, in pipelines and in transactions: none ever sees an error, and the
// new answer is there once Reload has returned. Bad directories change nothing.
func TestReloadUnderLoad(t *testing.T) {
	s := redistest.Start(t)
	shelf := newShelf(t).answering("greet", "0").lock()
	cfg := before(s)
	cfg.Loops, cfg.Scripts.Dir = 2, shelf.dir
	r := startReady(t, cfg)

	var stop atomic.Bool
	var calls atomic.Int64
	var users sync.WaitGroup
	for i := range 8 {
		c := r.dial(t)
		users.Go(func() {
			for !stop.Load() {
				if err := greet(c, i%3); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	watcher := r.dial(t)
	for i := 1; i <= 20; i++ {
		n := calls.Load()
		eventually(t, "clients go on", func() bool { return calls.Load() > n+50 || t.Failed() })
		want := bulk(fmt.Sprint(i))
		shelf.answering("greet", fmt.Sprint(i)).answering(fmt.Sprint("extra", i), "x").lock()
		if err := r.Reload(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the new command answers", func() bool { return watcher.do("GREET", "k") == want })
		watcher.must(bulk("x"), fmt.Sprint("EXTRA", i), "k")
		shelf.put("greet.json", "{").answering("more", "x").lock()
		for range 2 {
			if err := r.Reload(); err == nil || !strings.Contains(err.Error(), "greet.json:1:") {
				t.Errorf("a bad directory: %v", err)
			}
		}
		watcher.must(want, "GREET", "k")
		watcher.mustFail("ERR unknown", "MORE", "k")
		for _, name := range []string{"more.lua", "more.json"} {
			if err := os.Remove(filepath.Join(shelf.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop.Store(true)
	users.Wait()
	t.Logf("%d rounds of calls during 20 reloads", calls.Load())
}

// greet calls the command once, in a pipeline, or in a transaction.
func greet(c *client, how int) error {
	call := redistest.Command("GREET", "k")
	var want []string
	var send string
	switch how {
	case 0:
		send, want = call, []string{"$"}
	case 1:
		for range 10 {
			send, want = send+call, append(want, "$")
		}
	default:
		send = redistest.Command("MULTI") + call + redistest.Command("EXEC")
		want = []string{"+OK", "+QUEUED", "*1\r\n$"}
	}
	if err := c.Send(send); err != nil {
		return err
	}
	for _, w := range want {
		got, err := c.Receive()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(got, w) {
			return fmt.Errorf("%q, want %s…", got, w)
		}
	}
	return nil
}

// TestReloadWhileTheUpstreamIsAway: the new commands are there when it comes back.
func TestReloadWhileTheUpstreamIsAway(t *testing.T) {
	s := redistest.Start(t)
	shelf := newShelf(t).answering("greet", "old").lock()
	cfg := before(s)
	cfg.Scripts.Dir = shelf.dir
	r := startReady(t, cfg)
	c := r.dial(t)
	c.must(bulk("old"), "GREET", "k")
	s.Kill()
	eventually(t, "noticed", func() bool { return r.Ready() != nil })
	shelf.answering("greet", "new").lock()
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	eventually(t, "ready", func() bool { return r.Ready() == nil })
	eventually(t, "the new command answers", func() bool { return c.do("GREET", "k") == bulk("new") })
}

// TestReloadThatTheUpstreamRefuses: what was in use stays in use.
func TestReloadThatTheUpstreamRefuses(t *testing.T) {
	s := redistest.Start(t)
	direct := s.Dial(t)
	direct.Do("ACL", "SETUSER", "ctl", "on", ">pw", "+@all", "~*")
	shelf := newShelf(t).answering("greet", "old").lock()
	cfg := config("redis://ctl:pw@" + s.Addr)
	cfg.Scripts.Dir = shelf.dir
	r := startReady(t, cfg)
	c := r.dial(t)
	c.must(bulk("old"), "GREET", "k")
	direct.Do("ACL", "SETUSER", "ctl", "-script")
	shelf.answering("greet", "new").lock()
	if err := r.Reload(); err == nil || !strings.Contains(err.Error(), "did not take the new scripts") {
		t.Errorf("%v", err)
	}
	c.must(bulk("old"), "GREET", "k")
	direct.Do("ACL", "SETUSER", "ctl", "+script")
	if err := r.Reload(); err != nil {
		t.Error(err)
	}
	eventually(t, "the new command answers", func() bool { return c.do("GREET", "k") == bulk("new") })
}
