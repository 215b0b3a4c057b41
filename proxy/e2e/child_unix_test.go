//go:build unix

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// child is the real program, running.
type child struct {
	addr, admin string
	cmd         *exec.Cmd
	log         *lockedBuffer
	exited      chan struct{}
	err         error // of the exit, once exited is closed
}

// binary builds the program once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "atomicproxy-e2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "proxy")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/proxy").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	built = dir
	return path, nil
})

// built is the directory of the program, "" if no test wanted it.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// startChild runs the program before s, with more arguments, until the test ends.
func startChild(tb testing.TB, s *redistest.Server, args ...string) *child {
	tb.Helper()
	path, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	c := &child{addr: freeAddr(tb), admin: freeAddr(tb), log: &lockedBuffer{}, exited: make(chan struct{})}
	c.cmd = exec.Command(path, append([]string{"serve", "--listen", c.addr, "--admin", c.admin,
		"--upstream", "redis://" + s.Addr}, args...)...)
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if err := redistest.Spawn(c.cmd); err != nil {
		tb.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	tb.Cleanup(func() {
		c.cmd.Process.Kill()
		<-c.exited
		if tb.Failed() {
			tb.Logf("the proxy said: %.3000s", c.log)
		}
	})
	eventually(tb, "the program serves", func() bool { return strings.Contains(c.log.String(), "msg=serving") })
	return c
}

func (c *child) dial(tb testing.TB) *client {
	tb.Helper()
	return dial(tb, "tcp", c.addr)
}

// signal sends one to the program.
func (c *child) signal(tb testing.TB, sig os.Signal) {
	tb.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		tb.Fatal(err)
	}
}

// ends waits for the exit, which must come within d, and returns its status.
func (c *child) ends(tb testing.TB, d time.Duration) int {
	tb.Helper()
	began := time.Now()
	select {
	case <-c.exited:
		tb.Logf("it ended after %v", time.Since(began))
	case <-time.After(d):
		tb.Fatalf("it does not end within %v", d)
	}
	return c.cmd.ProcessState.ExitCode()
}
