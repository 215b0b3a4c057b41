package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/faultconn"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// durable are the arguments of a server that keeps what it acknowledged through a SIGKILL.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// notRun are the answers after which a caller of ONCE asks again with its token.
var notRun = []string{"UNCERTAIN", "UNAVAILABLE", "TRYAGAIN", "LOADING"}

// persistent is a client that asks until it is answered, on as many connections as it takes.
type persistent struct {
	addr  string
	c     *redistest.Client
	tries int // questions asked, in all
}

// ask sends a command until it has an answer that is none of notRun.
func (p *persistent) ask(ctx context.Context, args ...string) (string, error) {
	for ctx.Err() == nil {
		p.tries++
		reply, err := p.attempt(args...)
		switch {
		case err != nil:
			p.close()
		case !isOneOf(reply, notRun):
			return reply, nil
		}
		if err != nil || reply[0] == '-' { // the upstream may be away for a while
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return "", fmt.Errorf("no answer to %q: %w", args, ctx.Err())
}

func (p *persistent) attempt(args ...string) (string, error) {
	if p.c == nil {
		conn, err := net.DialTimeout("tcp", p.addr, patience)
		if err != nil {
			return "", err
		}
		p.c = redistest.NewClient(conn)
	}
	return p.c.Call(args...)
}

func (p *persistent) close() {
	if p.c != nil {
		p.c.Close()
		p.c = nil
	}
}

func isOneOf(reply string, codes []string) bool {
	for _, code := range codes {
		if redistest.IsError(reply, code) {
			return true
		}
	}
	return false
}

// increments has clients count to clients × each by ONCE, each increment asked for until it is answered, and checks that
// no increment was lost, done twice, or answered with another's value.
func increments(t *testing.T, ctx context.Context, addr string, clients, each int) (tries int) {
	t.Helper()
	values := make([][]int, clients)
	asked := make([]int, clients)
	var wg sync.WaitGroup
	for id := range clients {
		wg.Go(func() {
			p := &persistent{addr: addr}
			defer p.close()
			for i := range each {
				reply, err := p.ask(ctx, "ONCE", fmt.Sprintf("%d-%d", id, i), "PX", "600000", "INCR", "counter")
				var n int
				if _, scan := fmt.Sscanf(reply, ":%d\r\n", &n); err != nil || scan != nil {
					t.Errorf("client %d, increment %d: %q %v", id, i, reply, err)
					return
				}
				values[id] = append(values[id], n)
			}
			asked[id] = p.tries
		})
	}
	wg.Wait()
	seen := map[int]int{}
	for id, list := range values {
		for i, n := range list {
			if other, twice := seen[n]; twice {
				t.Errorf("clients %d and %d were both told %d", other, id, n)
			}
			seen[n] = id
			if n < 1 || n > clients*each || i > 0 && n <= list[i-1] {
				t.Errorf("client %d was told %v: these can't be its own increments", id, list)
				break
			}
		}
		tries += asked[id]
	}
	return tries
}

// TestOnceUnderFaults: clients that repeat with their token until they are answered count exactly, whatever happens to
// the connections, the script cache and the server.
func TestOnceUnderFaults(t *testing.T) {
	clients, each, restarts := 50, 200, 10
	if testing.Short() {
		clients, each, restarts = 10, 50, 2
	}
	s := redistest.Start(t, durable...)
	relay := faultconn.Start(t, s.Addr, nil)
	cfg := config("redis://" + relay.Addr)
	cfg.Loops = 2
	p := startReady(t, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()

	stop := make(chan struct{})
	var faults sync.WaitGroup
	var flushes, cuts atomic.Int32
	faults.Go(func() {
		every(stop, 20*time.Millisecond, func() {
			if conn, err := net.DialTimeout("tcp", s.Addr, patience); err == nil {
				if reply, _ := redistest.NewClient(conn).Call("SCRIPT", "FLUSH"); reply == "+OK\r\n" {
					flushes.Add(1)
				}
				conn.Close()
			}
		})
	})
	faults.Go(func() {
		rng := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(20+rng.IntN(150)) * time.Millisecond):
				cuts.Add(int32(relay.KillAll(rng.IntN(2) == 0)))
			}
		}
	})
	done := make(chan int, 1)
	go func() { done <- increments(t, ctx, p.Addrs()[0], clients, each) }()
	tries := 0
	for i := range restarts {
		if !within(done, &tries, 300*time.Millisecond) {
			s.Kill()
			time.Sleep(time.Duration(20*i) * time.Millisecond) // how long it is away
			s.Restart(t)
		}
	}
	if tries == 0 {
		tries = <-done
	}
	close(stop)
	faults.Wait()

	want := redistest.Bulk(fmt.Sprint(clients * each))
	if got := s.Dial(t).Do("GET", "counter"); got != want {
		t.Errorf("the counter is %q, want %q", got, want)
	}
	t.Logf("%d increments, asked for %d times; %d connections cut, %d script flushes, %d restarts", clients*each, tries, cuts.Load(), flushes.Load(), restarts)
	if cuts.Load() == 0 || flushes.Load() == 0 {
		t.Error("hardly a test")
	}
}

// within waits for what comes on a channel, for so long.
func within(done <-chan int, into *int, d time.Duration) bool {
	select {
	case *into = <-done:
		return true
	case <-time.After(d):
		return *into != 0
	}
}

// every calls f at intervals until stop is closed.
func every(stop <-chan struct{}, d time.Duration, f func()) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(d):
			f()
		}
	}
}

// TestOnceShortToken: a token that might have expired until the repeat arrives is not sent again.
func TestOnceShortToken(t *testing.T) {
	s := redistest.Start(t)
	relay := faultconn.Start(t, s.Addr, nil)
	c := redistest.Dial(t, start(t, config("redis://"+relay.Addr)).Addrs()[0])
	c.Do("SET", "warm", "up")
	relay.CutNext(true, 0)
	if got := c.Do("ONCE", "t", "PX", "1000", "INCR", "n"); !redistest.IsError(got, "UNCERTAIN") {
		t.Errorf("%q", got)
	}
	if got := c.Do("ONCE", "t", "PX", "1000", "INCR", "n"); got != ":1\r\n" {
		t.Errorf("asked again: %q", got)
	}
}

// TestCustomUnderFlush: no client ever sees NOSCRIPT, and each acknowledged effect happened once.
func TestCustomUnderFlush(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		p := start(t, before(s))
		stop := make(chan struct{})
		var flusher sync.WaitGroup
		var acked, again, flushes atomic.Int64
		c := s.Dial(t)
		flusher.Go(func() {
			every(stop, 20*time.Millisecond, func() {
				if reply, _ := c.Call("SCRIPT", "FLUSH"); reply == "+OK\r\n" {
					flushes.Add(1)
				}
			})
		})
		var wg sync.WaitGroup
		for range 20 {
			c := redistest.Dial(t, p.Addrs()[0])
			wg.Go(func() {
				for flushes.Load() < 50 {
					reply, err := c.Call("INCREX", "n", "BYINT", "1", "UBOUND", "1000000")
					switch {
					case err != nil:
						t.Error(err)
						return
					case strings.HasPrefix(reply, "*2\r\n:"):
						acked.Add(1)
					case redistest.IsError(reply, "TRYAGAIN"):
						again.Add(1)
					default:
						t.Errorf("%q", reply)
						return
					}
				}
			})
		}
		wg.Wait()
		close(stop)
		flusher.Wait()
		want := redistest.Bulk(fmt.Sprint(acked.Load()))
		if got := s.Dial(t).Do("GET", "n"); got != want {
			t.Errorf("acknowledged %d, the counter is %q", acked.Load(), got)
		}
		t.Logf("%d acknowledged, %d told to try again, %d flushes", acked.Load(), again.Load(), flushes.Load())
	})
}
