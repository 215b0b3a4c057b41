package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fakeServer records what is asked of it. Drain ends when release is closed or
// its context does.
type fakeServer struct {
	mu       sync.Mutex
	calls    []string
	reload   error
	serveErr error
	release  chan struct{}
	closed   chan struct{}
	once     sync.Once
}

func newFakeServer() *fakeServer {
	return &fakeServer{release: make(chan struct{}), closed: make(chan struct{})}
}

func (f *fakeServer) note(call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
}

func (f *fakeServer) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, " ")
}

func (f *fakeServer) Serve(ctx context.Context) error {
	if f.serveErr != nil {
		return f.serveErr
	}
	select {
	case <-ctx.Done():
	case <-f.closed:
	}
	return nil
}

func (f *fakeServer) Drain(ctx context.Context) error {
	f.note("drain")
	select {
	case <-f.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeServer) Reload() error { f.note("reload"); return f.reload }
func (f *fakeServer) Close() error {
	f.once.Do(func() { f.note("close"); close(f.closed) })
	return nil
}

// start runs supervise and gives its signals and its exit status.
func (f *fakeServer) start(ctx context.Context, grace time.Duration) (chan<- os.Signal, <-chan int) {
	signals, code := make(chan os.Signal), make(chan int, 1)
	go func() { code <- supervise(ctx, f, signals, grace, slog.New(slog.DiscardHandler)) }()
	return signals, code
}

func wait(t *testing.T, code <-chan int) int {
	t.Helper()
	select {
	case c := <-code:
		return c
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
		return 0
	}
}

func TestFirstSignalDrains(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		f := newFakeServer()
		signals, code := f.start(t.Context(), time.Hour)
		signals <- sig
		signals <- syscall.SIGHUP // changes nothing now
		close(f.release)
		if c := wait(t, code); c != 0 || f.said() != "drain close" {
			t.Errorf("%v: exit %d, calls %q", sig, c, f.said())
		}
	}
}

func TestGraceEnds(t *testing.T) {
	f := newFakeServer()
	signals, code := f.start(t.Context(), time.Millisecond)
	signals <- syscall.SIGTERM
	if c := wait(t, code); c != 0 || f.said() != "drain close" {
		t.Errorf("exit %d, calls %q", c, f.said())
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	f := newFakeServer()
	defer close(f.release)
	signals, code := f.start(t.Context(), time.Hour)
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM
	if c := wait(t, code); c != 1 {
		t.Errorf("exit %d", c)
	}
}

func TestHangupReloads(t *testing.T) {
	f := newFakeServer()
	f.reload = errors.New("bad certificate")
	signals, code := f.start(t.Context(), time.Hour)
	signals <- syscall.SIGHUP
	signals <- syscall.SIGHUP // it still serves
	close(f.release)
	signals <- syscall.SIGTERM
	if c := wait(t, code); c != 0 || f.said() != "reload reload drain close" {
		t.Errorf("exit %d, calls %q", c, f.said())
	}
}

func TestServeEndsByItself(t *testing.T) {
	f := newFakeServer()
	f.serveErr = errors.New("no descriptors left")
	_, code := f.start(t.Context(), time.Hour)
	if c := wait(t, code); c != 1 || f.said() != "close" {
		t.Errorf("exit %d, calls %q", c, f.said())
	}
	ctx, cancel := context.WithCancel(t.Context())
	g := newFakeServer()
	_, code = g.start(ctx, time.Hour)
	cancel()
	if c := wait(t, code); c != 0 || g.said() != "close" {
		t.Errorf("cancelled: exit %d, calls %q", c, g.said())
	}
}

func TestWhatNext(t *testing.T) {
	text := whatNext([]string{"unix:///s", "tls://h:1", "127.0.0.1:0"}, []string{"/s", "127.0.0.1:1", "127.0.0.1:6399"})
	for _, want := range []string{"redis-cli -p 6399 ", "cli --addr 127.0.0.1:6399 PURGE 'session:*'"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if text := whatNext([]string{"127.0.0.1:6380"}, []string{"127.0.0.1:6380"}); !strings.Contains(text, "cli PURGE") {
		t.Errorf("the default address is spelt out:\n%s", text)
	}
	if text := whatNext([]string{"unix:///s"}, []string{"/s"}); text != "" {
		t.Errorf("nothing to show, and yet: %s", text)
	}
}

// lockedBuffer is standard error that a test reads while the program writes.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// The promise of the first minute: start it embedded, and do what it says.
func TestServeEmbedded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr lockedBuffer
	code := make(chan int, 1)
	none := func(string) (string, bool) { return "", false }
	go func() {
		code <- run(ctx, []string{"--embedded", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, &stdout, &stderr, none)
	}()
	defer func() {
		cancel()
		if c := wait(t, code); c != 0 || stdout.String() != "" {
			t.Errorf("exit %d, standard output %q\n%s", c, stdout.String(), stderr.String())
		}
	}()
	hint := regexp.MustCompile(`cli --addr (\S+) PURGE`)
	deadline := time.Now().Add(10 * time.Second)
	for !hint.MatchString(stderr.String()) {
		if time.Now().After(deadline) {
			t.Fatalf("no word about what to type:\n%s", stderr.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	addr := hint.FindStringSubmatch(stderr.String())[1]
	for _, step := range []struct{ command, want string }{
		{"SET session:1 alice", "OK\n"},
		{"SET session:2 bob", "OK\n"},
		{"SET other carol", "OK\n"},
		{"PURGE session:* DRYRUN", "2\n"},
		{"PURGE session:*", "2\n"},
		{"DBSIZE", "1\n"},
	} {
		c, out, errs := invoke(t, nil, append([]string{"cli", "--addr", addr}, strings.Fields(step.command)...)...)
		if c != 0 || out != step.want {
			t.Errorf("%s: exit %d, %q %q; want %q", step.command, c, out, errs, step.want)
		}
	}
}
