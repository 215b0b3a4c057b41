package loop

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

type flushFunc func()

func (f flushFunc) Flush() { f() }

func TestDeferOrder(t *testing.T) {
	l := startLoop(t)
	var got []string
	note := func(s string) flushFunc { return func() { got = append(got, s) } }
	done := make(chan struct{})
	on(t, l, func() {
		l.Defer(note("a"))
		l.Defer(flushFunc(func() {
			got = append(got, "b")
			l.Defer(note("d"))
		}))
		l.Defer(note("c"))
		l.Post(func() { got = append(got, "next turn"); close(done) })
		l.After(0, func() {})
		got = append(got, "event")
	})
	await(t, done, "next turn")
	on(t, l, func() {
		if want := []string{"event", "a", "b", "c", "d", "next turn"}; !slices.Equal(got, want) {
			t.Errorf("order %q, want %q", got, want)
		}
	})
}

// TestFlushFollowsEvents: of many connections that are readable together, all are read before the first is written.
func TestFlushFollowsEvents(t *testing.T) {
	l := startLoop(t)
	const n = 50
	var peers []net.Conn
	var reads, flushes int
	var early bool
	for range n {
		peers = append(peers, pair(t, l, false, func(c Conn) Handler {
			return &funcHandler{data: func(b []byte) {
				reads++
				early = early || flushes > 0
				l.Defer(flushFunc(func() { flushes++; c.Write([]byte("k")) }))
			}}
		}))
	}
	gate := make(chan struct{})
	blocked := make(chan struct{})
	l.Post(func() { close(blocked); <-gate })
	<-blocked
	for _, p := range peers {
		p.Write([]byte("q"))
	}
	if !isDirect() {
		time.Sleep(200 * time.Millisecond) // the readers' goroutines
	}
	close(gate)
	for _, p := range peers {
		if _, err := io.ReadFull(p, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	on(t, l, func() {
		if reads != n || flushes != n || early {
			t.Errorf("%d reads, %d flushes, a flush before the last read: %v", reads, flushes, early)
		}
	})
}

// TestStaleEvents: a handler closes all others of its batch, and opens new connections that get the same descriptors. No event may reach
// a closed connection, nor a new one that isn't its own.
func TestStaleEvents(t *testing.T) {
	l := startLoop(t)
	const n = 20
	var conns []Conn
	var peers []net.Conn
	var acted bool
	var wrong string
	var fresh []net.Conn
	for range n {
		peers = append(peers, pair(t, l, false, func(c Conn) Handler {
			conns = append(conns, c)
			return &funcHandler{data: func([]byte) {
				if acted {
					wrong = "Data after Close"
					return
				}
				acted = true
				for _, c := range conns {
					c.Close()
				}
				for _, nc := range fresh {
					l.Adopt(nc, func(Conn) Handler {
						return &funcHandler{data: func([]byte) { wrong = "Data for a new connection" }, closed: func(err error) {
							if err != ErrStopped {
								wrong = "Closed for a new connection"
							}
						}}
					})
				}
			}, closed: func(error) { wrong = "Closed after Close" }}
		}))
	}
	on(t, l, func() { fresh = accepted(t, n) }) // later, so that the descriptors given free are lower than theirs, and taken first
	gate, blocked := make(chan struct{}), make(chan struct{})
	l.Post(func() { close(blocked); <-gate })
	<-blocked
	peers[0].Write([]byte("q"))
	for i, p := range peers[1:] {
		if p.Write([]byte("q")); i%2 == 0 {
			p.(*net.TCPConn).SetLinger(0) // an error to be seen on the wrong connection
			p.Close()
		}
	}
	close(gate)
	io.ReadAll(peers[0])
	on(t, l, func() {
		if wrong != "" || !acted {
			t.Errorf("acted %v, wrong: %q", acted, wrong)
		}
	})
}

// accepted makes n connections and returns our ends.
func accepted(t *testing.T, n int) []net.Conn {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	conns := make([]net.Conn, n)
	for i := range conns {
		dial(t, nl.Addr())
		if conns[i], err = nl.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	return conns
}

// TestFairness: a peer that floods must not keep another waiting.
func TestFairness(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		flooder := pair(t, l, pumped, func(c Conn) Handler { return &funcHandler{} })
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			chunk := make([]byte, 1<<20)
			for {
				select {
				case <-stop:
					return
				default:
					flooder.Write(chunk)
				}
			}
		})
		other := pair(t, l, pumped, func(c Conn) Handler { return newEcho(l, c) })
		var worst time.Duration
		for range 100 {
			start := time.Now()
			other.Write([]byte("x"))
			if _, err := io.ReadFull(other, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			worst = max(worst, time.Since(start))
		}
		close(stop)
		flooder.SetDeadline(time.Now())
		wg.Wait()
		t.Logf("worst of 100 exchanges beside a flood: %v", worst)
		if worst > 2*time.Second {
			t.Errorf("an exchange beside a flood took %v", worst)
		}
	})
}
