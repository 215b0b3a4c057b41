//go:build unix

package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// counter counts up in pipelines of depth until its connection ends, and returns
// how many replies it got, which must be the right ones.
func counter(addr, key string, depth int) (acked int, err error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	c := redistest.NewClient(conn)
	batch := strings.Repeat(redistest.Command("INCR", key), depth)
	for gone := false; !gone; {
		gone = c.Send(batch) != nil // replies to what was taken before may still be here
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
	return acked, nil
}

// TestDrainUnderLoad sends SIGTERM among INCRs, transactions and PURGEs: whatever
// the server has run was answered, and the exit is clean and before the grace.
func TestDrainUnderLoad(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, "--shutdown-grace", "15s")
	const each = 10
	acked := make([]int, 2*each)
	var clients sync.WaitGroup
	for i := range acked {
		clients.Go(func() {
			depth := []int{1, 40}[i/each]
			var err error
			if acked[i], err = counter(p.addr, fmt.Sprint("drain:", i), depth); err != nil {
				t.Error(err)
			}
		})
	}
	idle, purger := p.dial(t), p.dial(t)
	clients.Go(func() {
		for {
			if got, err := purger.Call("PURGE", "nothing:*"); err != nil {
				return
			} else if got != ":0\r\n" {
				t.Errorf("PURGE: %q", got)
				return
			}
		}
	})
	idle.must("+OK\r\n", "SET", "idle", "v")
	time.Sleep(500 * time.Millisecond) // some load, not an event
	p.signal(t, syscall.SIGTERM)
	if code := p.ends(t, 10*time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
	clients.Wait()
	if !idle.closed() {
		t.Error("an idle client is still connected")
	}
	direct, total := s.Dial(t), 0
	for i, n := range acked {
		if got, want := direct.Do("GET", fmt.Sprint("drain:", i)), bulk(fmt.Sprint(n)); got != want && n > 0 {
			t.Errorf("client %d: the server counts %q, acknowledged were %d", i, got, n)
		}
		total += n
	}
	if total < 500 {
		t.Errorf("hardly a load: %d commands", total)
	}
}

// TestDrainGrace: clients that wait for what may never come are cut off when the
// grace is over, and the exit is still clean.
func TestDrainGrace(t *testing.T) {
	for _, command := range []string{"BLPOP never 0", "SUBSCRIBE ch"} {
		t.Run(words(command)[0], func(t *testing.T) {
			s := redistest.Start(t)
			p := startChild(t, s, "--shutdown-grace", "1s")
			c := p.dial(t)
			c.say(words(command)...)
			eventually(t, "the server has it", func() bool {
				d := s.Dial(t)
				return strings.Contains(d.Do("INFO", "clients"), "blocked_clients:1\r\n") ||
					d.Do("PUBSUB", "NUMSUB", "ch") == "*2\r\n$2\r\nch\r\n:1\r\n"
			})
			p.signal(t, syscall.SIGTERM)
			if code := p.ends(t, 8*time.Second); code != 0 {
				t.Errorf("exit status %d", code)
			}
			if !c.closed() {
				t.Error("the client is still connected")
			}
			eventually(t, "nobody is blocked on the server", func() bool {
				return strings.Contains(s.Dial(t).Do("INFO", "clients"), "blocked_clients:0\r\n")
			})
		})
	}
}

// TestDrainRefusesNewcomers: from the signal on, nobody new is let in, while a
// blocked client still gets what it waits for.
func TestDrainRefusesNewcomers(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, "--shutdown-grace", "15s")
	c := p.dial(t)
	c.say("BLPOP", "list", "0")
	direct := s.Dial(t)
	eventually(t, "blocked", func() bool {
		return strings.Contains(direct.Do("INFO", "clients"), "blocked_clients:1\r\n")
	})
	p.signal(t, syscall.SIGTERM)
	eventually(t, "newcomers are refused", func() bool {
		conn, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err != nil {
			return true
		}
		defer conn.Close()
		n := redistest.NewClient(conn)
		n.Timeout = time.Second
		_, err = n.Call("PING")
		return err != nil
	})
	if got := direct.Do("RPUSH", "list", "x"); got != ":1\r\n" {
		t.Fatal(got)
	}
	c.hear("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n")
	if code := p.ends(t, 8*time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// TestSecondSignal ends at once, and says so by its status.
func TestSecondSignal(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, "--shutdown-grace", "60s")
	c := p.dial(t)
	c.say("BLPOP", "never", "0")
	eventually(t, "blocked", func() bool {
		return strings.Contains(s.Dial(t).Do("INFO", "clients"), "blocked_clients:1\r\n")
	})
	p.signal(t, syscall.SIGTERM)
	eventually(t, "draining", func() bool { return strings.Contains(p.log.String(), "draining") })
	p.signal(t, syscall.SIGINT)
	if code := p.ends(t, 3*time.Second); code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
}

// TestHangupSwapsCertificate: SIGHUP is how an operator has the certificate read
// again.
func TestHangupSwapsCertificate(t *testing.T) {
	s := redistest.Start(t)
	ca := newAuthority(t, "ca")
	used, second := ca.issue(t, "used", "127.0.0.1"), ca.issue(t, "second", "127.0.0.1")
	addr := freeAddr(t)
	file := filepath.Join(t.TempDir(), "config.toml")
	text := fmt.Sprintf("[tls]\ncert_file = %q\nkey_file = %q\n", used.cert, used.key)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startChild(t, s, "--config", file, "--listen", "tls://"+addr)
	old := dialTLS(t, addr, ca.trusting())
	name := func() string {
		c := dialTLS(t, addr, ca.trusting())
		return c.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := name(); got != "used" {
		t.Errorf("at first the certificate is %q", got)
	}
	if err := os.WriteFile(used.cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGHUP)
	eventually(t, "the log tells of the bad file", func() bool { return strings.Contains(p.log.String(), "reload failed") })
	if got := name(); got != "used" {
		t.Errorf("after a bad file the certificate is %q", got)
	}
	copyFile(t, used.cert, second.cert)
	copyFile(t, used.key, second.key)
	p.signal(t, syscall.SIGHUP)
	eventually(t, "the new certificate", func() bool { return name() == "second" })
	old.must("+PONG\r\n", "PING")
}
