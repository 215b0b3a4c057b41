package loop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestPausePushesBack: while paused nothing comes, the sender blocks, and nothing piles up here.
func TestPausePushesBack(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		var c Conn
		var got atomic.Int64
		peer := pair(t, l, pumped, func(conn Conn) Handler {
			c = conn
			c.Pause()
			return &funcHandler{data: func(b []byte) { got.Add(int64(len(b))) }}
		})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const total = 64 << 20
		var sent atomic.Int64
		go func() {
			chunk := make([]byte, 64<<10)
			for sent.Load() < total {
				n, err := peer.Write(chunk)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
		still := stalled(t, &sent)
		if still >= total {
			t.Fatalf("all %d bytes could be sent to a paused connection", total)
		}
		if n := got.Load(); n != 0 {
			t.Errorf("%d bytes came while paused", n)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
			t.Errorf("the heap grew by %d bytes while paused", grown)
		}
		on(t, l, c.Resume)
		for got.Load() < total {
			if stopped := sent.Load() == total && stalled(t, &got) < total; stopped {
				t.Fatalf("only %d bytes came after Resume", got.Load())
			}
		}
		on(t, l, c.Close)
	})
}

// stalled waits until n no longer changes, and returns it.
func stalled(t *testing.T, n *atomic.Int64) int64 {
	t.Helper()
	for last, same := int64(-1), 0; same < 10; {
		time.Sleep(20 * time.Millisecond)
		if now := n.Load(); now != last {
			last, same = now, 0
		} else {
			same++
		}
	}
	return n.Load()
}

// TestPauseInData: what was read before a pause is delivered once, the rest after it, in order.
func TestPauseInData(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		var got bytes.Buffer
		done := make(chan struct{})
		want := make([]byte, 1<<20)
		for i := range want {
			want[i] = byte(i * 31 >> 3)
		}
		peer := pair(t, l, pumped, func(c Conn) Handler {
			return &funcHandler{
				data: func(b []byte) {
					got.Write(b)
					c.Pause()
					c.Resume() // must not deliver from within
					c.Pause()
					l.After(time.Millisecond, c.Resume)
				},
				drained: func() { c.Close(); close(done) },
			}
		})
		go func() {
			peer.Write(want)
			peer.(*net.TCPConn).CloseWrite()
		}()
		await(t, done, "end")
		on(t, l, func() {
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got %d bytes that aren't the %d sent", got.Len(), len(want))
			}
		})
	})
}

// TestEOFDrained: an end is told once, what came before it is delivered, and the connection can still be written to.
func TestEOFDrained(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		var events []string
		var conn Conn
		drained := make(chan struct{})
		peer := pair(t, l, pumped, func(c Conn) Handler {
			conn = c
			return &funcHandler{
				data:    func(b []byte) { events = append(events, "data "+string(b)) },
				eof:     func() { events = append(events, "eof") },
				drained: func() { events = append(events, "drained"); close(drained) },
				closed:  func(err error) { t.Errorf("closed: %v", err) },
			}
		})
		peer.Write([]byte("bye"))
		peer.(*net.TCPConn).CloseWrite()
		await(t, drained, "Drained")
		time.Sleep(20 * time.Millisecond) // for a second one, if there were one
		on(t, l, func() {
			if len(events) != 3 || events[0] != "data bye" || events[1] != "eof" || events[2] != "drained" {
				t.Errorf("events: %q", events)
			}
			conn.Write([]byte("so long"))
			conn.Close()
			conn.Close()
		})
		if b, err := io.ReadAll(peer); string(b) != "so long" || err != nil {
			t.Errorf("the peer got %q, %v", b, err)
		}
	})
}

// TestReset: a reset is told as Closed, whether something is being read or not (on epoll).
func TestReset(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		for _, paused := range []bool{false, true} {
			if paused && (pumped || runtime.GOOS != "linux") {
				continue // documented: a pumped connection sees nothing while paused
			}
			l := startLoop(t)
			closed := make(chan error, 2)
			peer := pair(t, l, pumped, func(c Conn) Handler {
				if paused {
					c.Pause()
				}
				return &funcHandler{closed: func(err error) { closed <- err }}
			})
			peer.(*net.TCPConn).SetLinger(0)
			peer.Close()
			if err := await(t, closed, "Closed"); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("paused=%v: closed with %v", paused, err)
			}
			if n := l.load.Load(); n != 0 {
				t.Errorf("%d connections are counted", n)
			}
		}
	})
}

// TestWriteFailure: a failing Write takes all, and Closed comes once, outside of it.
func TestWriteFailure(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		closed := make(chan error, 2)
		inWrite := false
		var write func()
		peer := pair(t, l, pumped, func(c Conn) Handler {
			gone := false
			c.Pause() // so that it is the write that finds out
			write = func() {
				if gone {
					return
				}
				inWrite = true
				if n := c.Write([]byte("x")); n != 1 {
					t.Errorf("Write took %d", n)
				}
				inWrite = false
				l.After(time.Millisecond, write)
			}
			return &funcHandler{
				closed: func(err error) {
					if inWrite {
						t.Error("Closed from within Write")
					}
					gone = true
					closed <- err
				},
			}
		})
		peer.(*net.TCPConn).SetLinger(0)
		peer.Close()
		on(t, l, write)
		if await(t, closed, "Closed") == nil {
			t.Error("Closed without an error")
		}
	})
}

// TestShortWrites sends 8 MiB to a peer that reads slowly at first, in one piece, and continues at each Writable.
func TestShortWrites(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		want := make([]byte, 8<<20)
		for i := range want {
			want[i] = byte(i*13 + i>>11)
		}
		var short int
		peer := pair(t, l, pumped, func(c Conn) Handler {
			rest := want
			push := func() {
				rest = rest[c.Write(rest):]
				if len(rest) == 0 {
					c.Close() // what was taken still goes out
					return
				}
				short++
				if n := c.Write(rest); n != 0 {
					t.Errorf("%d bytes taken between a short write and Writable", n)
				}
			}
			push()
			return &funcHandler{writable: push}
		})
		time.Sleep(50 * time.Millisecond)
		got, err := io.ReadAll(peer)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %d bytes that aren't the %d sent, %v", len(got), len(want), err)
		}
		on(t, l, func() {
			if short == 0 {
				t.Error("no write fell short")
			}
		})
	})
}

// TestCloseKeepsReply: closing while the peer is still sending must not destroy what was written to it.
func TestCloseKeepsReply(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		for i := range 20 {
			reply := bytes.Repeat([]byte{byte('a' + i)}, 100_000)
			peer := pair(t, l, pumped, func(c Conn) Handler {
				rest := reply
				push := func() {
					if rest = rest[c.Write(rest):]; len(rest) == 0 {
						c.Close()
					}
				}
				return &funcHandler{data: func(b []byte) { c.Pause(); push() }, writable: push}
			})
			go peer.Write(make([]byte, 4<<20))
			got, err := io.ReadAll(peer)
			if err != nil || !bytes.Equal(got, reply) {
				t.Fatalf("round %d: the peer got %d bytes of %d, %v", i, len(got), len(reply), err)
			}
			peer.Close()
		}
	})
}

// TestCloseWrite: a half close ends what the peer reads, and the other direction goes on.
func TestCloseWrite(t *testing.T) {
	bothTransports(t, func(t *testing.T, pumped bool) {
		l := startLoop(t)
		data := make(chan string, 1)
		peer := pair(t, l, pumped, func(c Conn) Handler {
			c.Write([]byte("last"))
			c.CloseWrite()
			if n := c.Write([]byte("dropped")); n != 7 {
				t.Errorf("Write took %d after CloseWrite", n)
			}
			return &funcHandler{data: func(b []byte) { data <- string(b) }, eof: c.Close}
		})
		if b, err := io.ReadAll(peer); string(b) != "last" || err != nil {
			t.Errorf("the peer got %q, %v", b, err)
		}
		peer.Write([]byte("more"))
		if s := await(t, data, "Data"); s != "more" {
			t.Errorf("got %q", s)
		}
		peer.Close()
	})
}
