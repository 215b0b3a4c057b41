//go:build unix

package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/loop"
	"golang.org/x/sys/unix"
)

// rig is a worker whose clients and whose upstream are the test's ends of socket pairs: what the loop does, it does as in service.
type rig struct {
	clients  []net.Conn
	upstream net.Conn
}

// newRig connects clients, and answers the greeting of the link to the upstream.
func newRig(tb testing.TB, clients int) *rig {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	cfg := NewConfig()
	cfg.Loops, cfg.Upstream.URL = 1, "unix://"+path
	s, err := New(cfg, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	w := s.workers[0]
	ended := make(chan struct{})
	go func() { w.loop.Run(); close(ended) }()
	tb.Cleanup(func() { w.loop.Stop(); <-ended })
	w.loop.Post(func() { w.env.Links.Hurry() })
	r := &rig{}
	for range clients {
		ours, theirs := pair(tb)
		r.clients = append(r.clients, ours)
		w.loop.Post(func() { w.loop.Adopt(theirs, func(c loop.Conn) loop.Handler { return w.open(c) }) })
	}
	if _, err := r.clients[0].Write([]byte(get)); err != nil {
		tb.Fatal(err)
	}
	if r.upstream, err = ln.Accept(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.upstream.Close() })
	r.expect(tb, r.upstream, "*1\r\n$4\r\nPING\r\n")
	fmt.Fprint(r.upstream, "+PONG\r\n")
	r.expect(tb, r.upstream, get)
	fmt.Fprint(r.upstream, value)
	r.expect(tb, r.clients[0], value)
	return r
}

const get, value = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000012\r\n", "$12\r\nhello, world\r\n"

// pair is a connected pair of sockets.
func pair(tb testing.TB) (ours, theirs net.Conn) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var conns [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		conns[i], err = net.FileConn(f) // has a descriptor of its own
		f.Close()
		if err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() { conns[0].Close() })
	return conns[0], conns[1]
}

func (r *rig) expect(tb testing.TB, nc net.Conn, want string) {
	tb.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		tb.Fatalf("%q, %v; want %q", got, err, want)
	}
}

// BenchmarkIteration is the whole way of GETs and their replies through an event loop and its sockets, for clients that each send a
// pipeline and wait. The time has the test's own system calls in it: as many as there are clients and then some.
func BenchmarkIteration(b *testing.B) {
	for _, clients := range []int{1, 50} {
		for _, pipeline := range []int{1, 16} {
			b.Run(fmt.Sprintf("clients=%d/pipeline=%d", clients, pipeline), func(b *testing.B) { iterate(b, clients, pipeline) })
		}
	}
}

func iterate(b *testing.B, clients, pipeline int) {
	r := newRig(b, clients)
	in, out := bytes.Repeat([]byte(get), pipeline), bytes.Repeat([]byte(value), pipeline)
	requests, reply := make([]byte, clients*len(in)), make([]byte, len(out))
	replies := bytes.Repeat(out, clients)
	b.ReportAllocs()
	for b.Loop() {
		for _, nc := range r.clients {
			if _, err := nc.Write(in); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := io.ReadFull(r.upstream, requests); err != nil {
			b.Fatal(err)
		}
		if _, err := r.upstream.Write(replies); err != nil {
			b.Fatal(err)
		}
		for _, nc := range r.clients {
			if _, err := io.ReadFull(nc, reply); err != nil {
				b.Fatal(err)
			}
		}
	}
	if !bytes.HasPrefix(requests, in) || !bytes.Equal(reply, out) {
		b.Fatalf("other bytes: %.100q, %.100q", requests, reply)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients*pipeline), "ns/command")
}
