package difftest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// child is the real binary, running.
type child struct {
	addr   string
	cmd    *exec.Cmd
	log    *lockedBuffer
	exited chan struct{}
	err    error // of the exit, once exited is closed
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// buildDir holds the binary, once a test has asked for it.
var buildDir string

// binary builds the proxy once for all tests, without the race detector, whose memory is another.
var binary = sync.OnceValues(func() (string, error) {
	var err error
	if buildDir, err = os.MkdirTemp("", "atomicproxy-difftest"); err != nil {
		return "", err
	}
	path := filepath.Join(buildDir, "proxy")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/proxy").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// startChild runs the binary before s until the test ends. descriptors limits how many it may open; 0: as this process.
func startChild(t *testing.T, s *redistest.Server, descriptors int, env ...string) *child {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	// A free port, from the range that outgoing connections don't use, or as good as that.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	limit := "true"
	if descriptors > 0 {
		limit = fmt.Sprintf("ulimit -n %d", descriptors)
	}
	c := &child{addr: addr, log: &lockedBuffer{}, exited: make(chan struct{})}
	c.cmd = exec.Command("/bin/sh", "-c", limit+` && exec "$0" "$@"`, path, "serve", "--listen", addr, "--admin", "",
		"--upstream", "redis://"+s.Addr)
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if err := redistest.Spawn(c.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() {
		c.cmd.Process.Kill()
		<-c.exited
		if t.Failed() {
			t.Logf("the proxy said: %.3000s", c.log)
		}
	})
	waitUntil(t, "the child answers", func() bool {
		conn, err := oracleDial(addr)
		if err != nil {
			return false
		}
		defer conn.Close()
		conn.Timeout = time.Second
		reply, err := conn.Call("PING")
		return err == nil && (reply == "+PONG\r\n" || redistest.IsError(reply, "NOAUTH"))
	})
	return c
}

// status is a number of /proc/PID/status, in its unit there (kB for memory).
func (c *child) status(t *testing.T, field string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	t.Fatalf("no %s in /proc/%d/status", field, c.cmd.Process.Pid)
	return 0
}

// rss is the memory in use, in bytes, and peak the most that ever was.
func (c *child) rss(t *testing.T) int  { return c.status(t, "VmRSS") << 10 }
func (c *child) peak(t *testing.T) int { return c.status(t, "VmHWM") << 10 }

// cpu is the processor time that the child has used.
func (c *child) cpu(t *testing.T) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	// The second field is a name in brackets, which may hold spaces; utime and stime are the 14th and 15th.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 everywhere
}

// descriptors raises this process's limit as far as it goes and returns it.
func descriptors(t *testing.T) int {
	t.Helper()
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	r.Cur = r.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	return int(min(r.Cur, 1<<20))
}
