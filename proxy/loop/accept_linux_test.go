package loop

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// roleVar makes the test binary a child process that plays a part instead of running tests.
const roleVar = "LOOP_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "starved":
		starvedServer()
	case "crowd":
		crowd()
	default:
		os.Exit(m.Run())
	}
}

// child starts a part, with its standard input to end it by and its output to read.
func child(t testing.TB, role string, args ...string) (*exec.Cmd, io.WriteCloser, *bufio.Scanner, *strings.Builder) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, in, bufio.NewScanner(out), &log
}

// starvedServer echoes with 64 descriptors until its input ends, then tells the processor time that it used.
func starvedServer() {
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	l, err := New(Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		panic(err)
	}
	ln, err := Listen("tcp", "127.0.0.1:0", ListenOptions{})
	if err != nil {
		panic(err)
	}
	ln.Start([]*Loop{l}, newEcho)
	go l.Run()
	fmt.Println(ln.Addr())
	io.Copy(io.Discard, os.Stdin)
	var ru unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &ru)
	fmt.Println((ru.Utime.Nano() + ru.Stime.Nano()) / 1e6)
	os.Exit(0)
}

// TestAcceptSurvives: 200 clients come to a server with 64 descriptors. Those that have a connection are served, the others wait, without
// the server spinning or flooding the log, and get theirs as others leave.
func TestAcceptSurvives(t *testing.T) {
	cmd, in, out, log := child(t, "starved")
	if !out.Scan() {
		t.Fatal("the server did not start")
	}
	addr := out.Text()
	conns := make([]net.Conn, 200)
	for i := range conns {
		nc, err := net.DialTimeout("tcp", addr, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns[i] = nc
	}
	const hold = 2 * time.Second // long enough for several attempts to accept
	var served atomic.Int64
	var wg sync.WaitGroup
	for _, nc := range conns {
		wg.Go(func() {
			if exchange(nc, hold) == nil {
				served.Add(1)
			}
		})
	}
	wg.Wait()
	if n := served.Load(); n < 30 || n > 64 {
		t.Errorf("%d of 200 clients are served with 64 descriptors", n)
	}
	for i, nc := range conns {
		wg.Go(func() {
			if err := exchange(nc, 30*time.Second); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
			nc.Close()
		})
	}
	wg.Wait()
	in.Close()
	out.Scan()
	var ms int
	fmt.Sscan(out.Text(), &ms)
	cmd.Wait()
	lines := strings.Count(log.String(), "can't accept")
	t.Logf("%d served at once, %d ms of processor time, %d log lines", served.Load(), ms, lines)
	if ms == 0 || ms > 500 {
		t.Errorf("the server used %d ms of processor time", ms)
	}
	if lines == 0 || lines > 40 {
		t.Errorf("%d log lines:\n%s", lines, log)
	}
}

// exchange sends a byte and awaits its echo; what an earlier call that timed out had sent may come first.
func exchange(nc net.Conn, patience time.Duration) error {
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write([]byte("x")); err != nil {
		return err
	}
	_, err := nc.Read(make([]byte, 1))
	return err
}

// TestAcceptAborted: a connection that was reset before it was accepted doesn't disturb the next.
func TestAcceptAborted(t *testing.T) {
	l := startLoop(t)
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, newEcho, l)
	gate, blocked := make(chan struct{}), make(chan struct{})
	l.Post(func() { close(blocked); <-gate })
	<-blocked
	for range 10 {
		nc := dial(t, ln.Addr())
		nc.(*net.TCPConn).SetLinger(0)
		nc.Close()
	}
	close(gate)
	talk(t, dial(t, ln.Addr()), 1000)
}

// TestStopIsQuiet: stopping a listener is no reason for a warning.
func TestStopIsQuiet(t *testing.T) {
	var log strings.Builder
	l, err := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	for range 50 {
		ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, newEcho, l)
		talk(t, dial(t, ln.Addr()), 10)
		ln.Stop()
	}
	l.Stop()
	await(t, ended, "end of Run")
	if log.Len() > 0 {
		t.Errorf("logged:\n%s", &log)
	}
}

// TestInheritedOptions: accepted connections have what was set on the listening socket, adopted ones what Adopt sets.
func TestInheritedOptions(t *testing.T) {
	l := startLoop(t)
	got := make(chan *fdConn, 1)
	ln := serve(t, "tcp", "127.0.0.1:0", ListenOptions{}, func(_ *Loop, c Conn) Handler {
		got <- c.(*fdConn)
		return &funcHandler{}
	}, l)
	dial(t, ln.Addr())
	accepted := await(t, got, "connection")
	pair(t, l, false, func(c Conn) Handler { got <- c.(*fdConn); return &funcHandler{} })
	adopted := await(t, got, "connection")
	on(t, l, func() {
		for name, c := range map[string]*fdConn{"accepted": accepted, "adopted": adopted} {
			for _, o := range []struct{ level, opt, want int }{
				{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1}, {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
				{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepIdle}, {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepInterval},
				{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepCount},
			} {
				if v, err := unix.GetsockoptInt(c.fd, o.level, o.opt); v != o.want || err != nil {
					t.Errorf("%s: option %d/%d is %d, want %d, %v", name, o.level, o.opt, v, o.want, err)
				}
			}
			if fl, err := unix.FcntlInt(uintptr(c.fd), unix.F_GETFL, 0); err != nil || fl&unix.O_NONBLOCK == 0 {
				t.Errorf("%s: blocks", name)
			}
			if fl, err := unix.FcntlInt(uintptr(c.fd), unix.F_GETFD, 0); err != nil || fl&unix.FD_CLOEXEC == 0 {
				t.Errorf("%s: is inherited by child processes", name)
			}
		}
	})
}
