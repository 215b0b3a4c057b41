package redistest

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestEachAnswersAndIsItself(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		c := s.Dial(t)
		if got := c.Do("SET", "k", "a\r\nb"); got != "+OK\r\n" {
			t.Errorf("SET = %q", got)
		}
		if got := c.Do("GET", "k"); got != "$4\r\na\r\nb\r\n" {
			t.Errorf("GET = %q", got)
		}
		info := c.Do("INFO", "server")
		if !strings.Contains(info, "_version:"+s.Version+"\r\n") {
			t.Errorf("no _version:%s in\n%s", s.Version, info)
		}
		if want := "process_id:" + strconv.Itoa(s.PID()) + "\r\n"; !strings.Contains(info, want) {
			t.Errorf("no %s in\n%s", want, info)
		}
	})
}

func TestArgumentsReachTheServer(t *testing.T) {
	s := Start(t, "--requirepass", "secret", "--databases", "3")
	c := s.Dial(t)
	if got := c.Do("GET", "k"); !IsError(got, "NOAUTH") {
		t.Errorf("GET without AUTH = %q", got)
	}
	c.Do("AUTH", "secret")
	if got := c.Do("SELECT", "3"); !IsError(got, "ERR") {
		t.Errorf("SELECT 3 of 3 databases = %q", got)
	}
}

func TestStopKillRestart(t *testing.T) {
	s := Start(t)
	addr := s.Addr
	c := s.Dial(t)
	c.Do("SET", "k", "v")
	for name, end := range map[string]func(){"Stop": s.Stop, "Kill": s.Kill} {
		end()
		end() // a second time does no harm
		if _, err := c.Call("PING"); err == nil {
			t.Errorf("after %s the server answered", name)
		}
		s.Restart(t)
		c = s.Dial(t)
		if got := c.Do("GET", "k"); got != "$-1\r\n" {
			t.Errorf("after %s and Restart: GET k = %q", name, got)
		}
	}
	if s.Addr != addr {
		t.Errorf("the address moved from %s to %s", addr, s.Addr)
	}
}

func TestPauseContinue(t *testing.T) {
	s := Start(t)
	c := s.Dial(t)
	s.Pause(t)
	c.Timeout = 100 * time.Millisecond
	if got, err := c.Call("PING"); err == nil {
		t.Errorf("a paused server answered %q", got)
	}
	s.Continue(t)
	c.Timeout = 0
	if got, err := c.Receive(); err != nil || got != "+PONG\r\n" {
		t.Errorf("after Continue: %q, %v", got, err)
	}
	s.Pause(t) // the cleanup must end a paused server, too
}

// A locked goroutine that returns ends its thread. A server started from it must live on.
func TestServerOutlivesTheThreadThatStartedIt(t *testing.T) {
	program := Programs(t)[0] // skips the test where there is none, which only its own goroutine may
	var s *Server
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		s = StartProgram(t, program)
		close(done)
	}()
	<-done
	c := s.Dial(t)
	for range 20 {
		if got := c.Do("PING"); got != "+PONG\r\n" {
			t.Fatalf("PING = %q", got)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestChildDiesWithUs runs this test binary as a parent that dies without cleaning up.
func TestChildDiesWithUs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a death signal")
	}
	if os.Getenv("REDISTEST_PARENT") == "1" {
		s := Start(t)
		os.Stdout.WriteString("addr=" + s.Addr + "\n")
		os.Exit(3) // no cleanup runs
	}
	Programs(t) // skip here where there is no server
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildDiesWithUs$")
	cmd.Env = append(os.Environ(), "REDISTEST_PARENT=1")
	out, _ := cmd.Output()
	_, addr, ok := strings.Cut(string(out), "addr=")
	if !ok {
		t.Fatalf("the parent said %q", out)
	}
	addr, _, _ = strings.Cut(addr, "\n")
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := ping(addr); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the server at %s outlived its parent", addr)
}

func TestMiniredis(t *testing.T) {
	s := Miniredis(t)
	c := s.Dial(t)
	if got := c.Do("SET", "k", "v"); got != "+OK\r\n" {
		t.Errorf("SET = %q", got)
	}
	s.Stop()
	if _, err := c.Call("PING"); err == nil {
		t.Error("a stopped miniredis answered")
	}
	s.Restart(t)
	if got := s.Dial(t).Do("PING"); got != "+PONG\r\n" {
		t.Errorf("after Restart: PING = %q", got)
	}
}

func TestReadReply(t *testing.T) {
	for _, reply := range []string{
		"+OK\r\n", "-ERR no\r\n", ":-1\r\n", "$-1\r\n", "$0\r\n\r\n", "$4\r\n\r\n\r\n\r\n", "*-1\r\n", "*0\r\n",
		"*2\r\n*1\r\n:1\r\n$1\r\na\r\n", "_\r\n", ",1.5\r\n", "#t\r\n", "(123\r\n", "=5\r\ntxt:a\r\n", "!3\r\nERR\r\n",
		"~1\r\n+a\r\n", "%1\r\n+a\r\n:1\r\n", ">2\r\n+a\r\n+b\r\n", "|1\r\n+ttl\r\n:1\r\n*1\r\n+x\r\n",
	} {
		r := bufio.NewReader(strings.NewReader(reply + "+NEXT\r\n"))
		if got, err := ReadReply(r); err != nil || got != reply {
			t.Errorf("ReadReply(%q) = %q, %v", reply, got, err)
		}
		if got, err := ReadReply(r); err != nil || got != "+NEXT\r\n" {
			t.Errorf("after %q: %q, %v", reply, got, err)
		}
		for cut := 1; cut < len(reply); cut++ {
			_, err := ReadReply(bufio.NewReader(strings.NewReader(reply[:cut])))
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("ReadReply(%q) = %v, want an unexpected EOF", reply[:cut], err)
			}
		}
	}
	for _, bad := range []string{"?\r\n", "+a\n", "$x\r\n", "$-2\r\n", "$1\r\nabc", "*99999999999999999999\r\n", "\r\n",
		strings.Repeat("*1\r\n", maxDepth+2)} {
		if _, err := ReadReply(bufio.NewReader(strings.NewReader(bad))); !errors.Is(err, ErrFrame) {
			t.Errorf("ReadReply(%.50q) = %v, want ErrFrame", bad, err)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"7.0.15", "7.0.15", 0}, {"7.0.15", "7.2", -1}, {"8.0.2", "8", 1}, {"10.0", "9.9", 1}, {"6.0.16", "7", -1}} {
		if got := compareVersions(c.a, c.b); got != c.want {
			t.Errorf("compareVersions(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
