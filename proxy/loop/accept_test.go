package loop

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// flaky is a net.Listener whose first calls of Accept fail with errs.
type flaky struct {
	net.Listener
	errs  []error
	calls []time.Time
}

func (f *flaky) Accept() (net.Conn, error) {
	f.calls = append(f.calls, time.Now())
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		return nil, err
	}
	return f.Listener.Accept()
}

// TestAcceptGoroutineSurvives is TestAcceptSurvives for the goroutine that accepts where epoll doesn't: it waits ever longer while
// descriptors are short, not at all for errors that concern one connection, logs rarely and recovers.
func TestAcceptGoroutineSurvives(t *testing.T) {
	l := startLoop(t)
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: nl, errs: []error{
		syscall.EMFILE, syscall.EMFILE, syscall.EMFILE, syscall.ECONNABORTED, errors.New("never heard of"),
	}}
	ln, err := Listen("tcp", "127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Stop()
	replaceSocket(ln, f)
	ln.Start([]*Loop{l}, newEcho)
	talk(t, dial(t, nl.Addr()), 1000)
	ln.Stop()
	if len(f.calls) < 6 {
		t.Fatalf("%d calls of Accept", len(f.calls))
	}
	for i, want := range []time.Duration{5, 10, 20, 0, 40} {
		if gap := f.calls[i+1].Sub(f.calls[i]); gap < want*time.Millisecond {
			t.Errorf("%v after failure %d, want %d ms at least", gap, i, want)
		}
	}
}

// replaceSocket gives ln another socket, of package net.
func replaceSocket(ln *Listener, nl net.Listener) {
	if ln.nl != nil {
		ln.nl.Close()
	} else {
		ln.raw.stop()
	}
	ln.nl = nl
}

func TestBackoff(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	var b backoff
	addr := &net.TCPAddr{}
	for i, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000} {
		if got := b.failed(log, addr, syscall.EMFILE); got != want*time.Millisecond {
			t.Errorf("failure %d: wait %v, want %d ms", i, got, want)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d log lines for failures within a second", n)
	}
	b.worked()
	if got := b.failed(log, addr, syscall.EMFILE); got != minBackoff {
		t.Errorf("wait %v after a success", got)
	}
}
