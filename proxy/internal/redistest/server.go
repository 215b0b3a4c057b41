package redistest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

const (
	startTimeout = 20 * time.Second // a loaded machine under the race detector is slow
	stopTimeout  = 5 * time.Second
	// Ports are picked from here: above the well-known ones, below 32768 where Linux begins to hand out ports to
	// outgoing connections.
	firstPort, lastPort = 10000, 32000
	portTries           = 20
)

// Server is one running server. Its methods are for the test's own goroutine.
type Server struct {
	Addr    string // host:port
	Program        // zero for Miniredis, but for Name
	// Mini is the embedded server behind one that Miniredis started, else nil.
	Mini *miniredis.Miniredis

	args   []string
	dir    string
	cmd    *exec.Cmd
	exited chan struct{} // closed once the process is gone and reaped
}

// StartProgram starts p as Start does.
func StartProgram(tb testing.TB, p Program, args ...string) *Server {
	tb.Helper()
	s := &Server{Program: p, args: args, dir: tb.TempDir()}
	tb.Cleanup(s.Kill)
	var err error
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		ln, lerr := net.Listen("tcp", s.Addr)
		if lerr != nil {
			err = lerr
			continue
		}
		ln.Close()
		if err = s.start(); err == nil {
			return s
		}
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	tb.Fatalf("redistest: %s: %v\n%s", p.Name, err, s.logTail())
	return nil
}

// Miniredis starts the embedded miniredis. It is a fake: use it for speed, never as the only judge.
func Miniredis(tb testing.TB) *Server {
	tb.Helper()
	m := miniredis.RunT(tb)
	return &Server{Addr: m.Addr(), Program: Program{Name: "miniredis"}, Mini: m}
}

// Another starts a fresh server of the same program, with arguments of its own.
func (s *Server) Another(tb testing.TB, args ...string) *Server {
	tb.Helper()
	if s.Mini != nil {
		return Miniredis(tb)
	}
	return StartProgram(tb, s.Program, args...)
}

// errPortTaken says that somebody else took the port between our look and the server's bind.
var errPortTaken = errors.New("the server ended at once")

func (s *Server) start() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	args := append([]string{"--bind", host, "--port", port, "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--daemonize", "no"}, s.args...)
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own copy
	cmd := exec.Command(s.Path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = s.dir
	if err := Spawn(cmd); err != nil {
		return err
	}
	exited := make(chan struct{})
	go reap(cmd, exited)
	s.cmd, s.exited = cmd, exited
	return s.waitReady()
}

// reap waits for the process, so that no zombie stays and Stop, Kill and waitReady can see its end.
func reap(cmd *exec.Cmd, exited chan struct{}) {
	cmd.Wait() // its status says nothing that a test asks for: most servers here are killed
	close(exited)
}

// waitReady returns once the server answers PING with anything but LOADING; NOAUTH is an answer, too.
func (s *Server) waitReady() error {
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		reply, err := ping(s.Addr)
		select {
		case <-s.exited:
			return errPortTaken
		default:
		}
		if err == nil && !hasCode(reply, "-LOADING") {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return fmt.Errorf("no answer at %s within %v", s.Addr, startTimeout)
}

func ping(addr string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	c := NewClient(conn)
	defer c.Close()
	c.Timeout = time.Second
	return c.Call("PING")
}

// Stop ends the server in order (SIGTERM), or kills it if that takes too long. The port stays this server's: Restart
// brings it back.
func (s *Server) Stop() {
	if s.Mini != nil {
		s.Mini.Close()
		return
	}
	if s.gone() {
		return
	}
	terminate(s.cmd.Process)
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		s.Kill()
	}
}

// Kill ends the server at once (SIGKILL), paused or not, and returns when it is gone.
func (s *Server) Kill() {
	if s.Mini != nil {
		s.Mini.Close()
		return
	}
	if s.gone() {
		return
	}
	s.cmd.Process.Kill()
	<-s.exited
}

func (s *Server) gone() bool {
	if s.cmd == nil {
		return true
	}
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// Restart kills the server, if it runs, and starts it again on the same address, with no data. It returns once the
// new one answers.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if s.Mini != nil {
		s.Mini.Close()
		if err := s.Mini.Restart(); err != nil {
			tb.Fatalf("redistest: restarting miniredis: %v", err)
		}
		return
	}
	s.Kill()
	if err := s.start(); err != nil {
		tb.Fatalf("redistest: restarting %s at %s: %v\n%s", s.Name, s.Addr, err, s.logTail())
	}
}

// Pause stops the process where it stands (SIGSTOP): its sockets stay open, and nothing answers. Unix only.
func (s *Server) Pause(tb testing.TB) {
	tb.Helper()
	s.signal(tb, pauseProcess)
}

// Continue lets a paused server go on.
func (s *Server) Continue(tb testing.TB) {
	tb.Helper()
	s.signal(tb, continueProcess)
}

func (s *Server) signal(tb testing.TB, f func(*os.Process) error) {
	tb.Helper()
	if s.Mini != nil {
		tb.Fatal("redistest: miniredis has no process of its own to pause")
	}
	if err := f(s.cmd.Process); err != nil {
		tb.Fatalf("redistest: signalling %s: %v", s.Name, err)
	}
}

// PID is the server's process id; 0 for miniredis.
func (s *Server) PID() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "server.log") }

// logTail is what the server said last, for the message of a test that fails.
func (s *Server) logTail() string {
	const most = 2000
	b, err := os.ReadFile(s.logFile())
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-most):])
}
