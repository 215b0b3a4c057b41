package e2e

import (
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestTimeout: a command without a reply within upstream.timeout is told so, its connection is never used again, and what
// the upstream answers late goes to nobody.
func TestTimeout(t *testing.T) {
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Upstream.Timeout = 300 * time.Millisecond
	p := startReady(t, cfg)
	addr := p.Addrs()[0]
	c, other, inMulti := redistest.Dial(t, addr), redistest.Dial(t, addr), redistest.Dial(t, addr)
	for _, c := range []*redistest.Client{c, other} {
		c.Do("SET", "k", "0")
	}
	inMulti.Do("MULTI")
	inMulti.Do("INCR", "k")

	s.Pause(t)
	began := time.Now()
	if err := inMulti.Send(redistest.Command("EXEC")); err != nil {
		t.Fatal(err)
	}
	if err := other.Send(redistest.Command("GET", "k")); err != nil {
		t.Fatal(err)
	}
	if got := c.Do("INCR", "k"); got != "-UNCERTAIN no reply from the upstream within upstream.timeout; the command may or may not have run\r\n" {
		t.Errorf("INCR: %q", got)
	}
	// It can't be told sooner; how much later depends on the machine.
	if took := time.Since(began); took < cfg.Upstream.Timeout {
		t.Errorf("told after %v", took)
	}
	for name, c := range map[string]*redistest.Client{"GET": other, "EXEC": inMulti} {
		if got, err := c.Receive(); err != nil || !redistest.IsError(got, "UNCERTAIN") {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	s.Continue(t)
	eventually(t, "the upstream is back", func() bool { return c.Do("PING") == "+PONG\r\n" })
	for _, c := range []*redistest.Client{c, other, inMulti} {
		if got := c.Do("ECHO", "mine"); got != "$4\r\nmine\r\n" {
			t.Errorf("after it: %q", got)
		}
	}
}

// TestTimeoutSparesWaiting: what blocks by its nature is not timed.
func TestTimeoutSparesWaiting(t *testing.T) {
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Upstream.Timeout = 100 * time.Millisecond
	c := redistest.Dial(t, start(t, cfg).Addrs()[0])
	if got := c.Do("BLPOP", "nothing", "0.4"); got != "*-1\r\n" {
		t.Errorf("BLPOP: %q", got)
	}
	c.Do("SET", "k", "v")
	if got := c.Do("WAIT", "1", "400"); got != ":0\r\n" {
		t.Errorf("WAIT: %q", got)
	}
	if err := c.Send(redistest.Command("SUBSCRIBE", "ch")); err != nil {
		t.Fatal(err)
	}
	c.Receive()
	publisher := s.Dial(t)
	time.Sleep(300 * time.Millisecond) // nothing is to happen
	publisher.Do("PUBLISH", "ch", "late")
	if got, err := c.Receive(); err != nil || got != "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$4\r\nlate\r\n" {
		t.Errorf("message: %q %v", got, err)
	}
}
