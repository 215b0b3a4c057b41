package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 3 * time.Second
)

// process is a child. Its methods are for one goroutine.
type process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{} // closed once it is gone and reaped
	log    string        // file of what it says
}

// spawn starts a child whose output goes to a file in dir.
func spawn(dir, name, path string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), exited: make(chan struct{}), log: filepath.Join(dir, name+".log")}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	// The death signal comes with the end of the thread that starts the child. Go ends a thread only with a goroutine that is
	// locked to it, and nothing here returns locked.
	dieWithUs(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // most are killed: the status says nothing
		close(p.exited)
	}()
	return p, nil
}

// answers waits until something accepts at addr, or the child has ended.
func (p *process) answers(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var d net.Dialer
	for {
		if nc, err := d.DialContext(ctx, "tcp", addr); err == nil {
			nc.Close()
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended at once: %s", p.name, p.said())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer at %s: %w", p.name, addr, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// said is the end of what the child wrote.
func (p *process) said() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-1000):]))
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the child and waits for its end.
func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt) // fails where there are no signals; then it is killed
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		p.cmd.Process.Kill()
		<-p.exited
	}
}

// freeAddr finds a loopback port that nothing listens on. Another program could take it before our child does, which then fails
// to start and says so.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// freeAddrs finds two.
func freeAddrs() (a, b string, err error) {
	if a, err = freeAddr(); err == nil {
		b, err = freeAddr()
	}
	return a, b, err
}

// find looks for a program also where Debian keeps servers, which is not in every user's PATH.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path := filepath.Join(dir, name); isProgram(path) {
			return path, nil
		}
	}
	return "", errNotInstalled
}

var errNotInstalled = errors.New("not installed")

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
