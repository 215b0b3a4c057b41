package difftest

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/oracle"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

const mebibyte = 1 << 20

// TestUpstreamStopped stops the upstream and lets one client send as much as it can, up to 1 GiB: the client has to
// wait, the proxy doesn't grow, and what was sent runs once the upstream goes on.
func TestUpstreamStopped(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, 0)
	before := p.rss(t)
	s.Pause(t)
	c := redistest.Dial(t, p.addr)
	c.Timeout = 3 * time.Second
	command := redistest.Command("APPEND", "k", strings.Repeat("x", 1000))
	block := strings.Repeat(command, 1000)
	sent := 0
	for sent < 1024*mebibyte {
		c.Conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
		n, err := c.Conn.Write([]byte(block))
		sent += n
		if err != nil {
			break
		}
	}
	most := p.peak(t)
	t.Logf("%d MiB were taken; the proxy went from %d to %d MiB", sent/mebibyte, before/mebibyte, most/mebibyte)
	if most > 100*mebibyte {
		t.Errorf("the proxy took %d MiB for one client of a stopped upstream", most/mebibyte)
	}
	if sent >= 1024*mebibyte {
		t.Error("the client was never made to wait")
	}
	s.Continue(t)
	c.Timeout = 0
	for i := range sent / len(command) {
		reply, err := c.Receive()
		if err != nil || reply[0] != ':' {
			t.Fatalf("reply %d: %q, %v", i, reply, err)
		}
	}
}

// TestSlowReader asks for much and takes nothing: that client is closed, and only that one.
func TestSlowReader(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, 0, "ATOMICPROXY_CLIENT_OUTPUT_LIMIT=16MiB")
	must(t, s.Dial(t), "+OK\r\n", "SET", "big", strings.Repeat("x", mebibyte))
	slow := redistest.Dial(t, p.addr)
	get := redistest.Command("GET", "big")
	if err := slow.Send(strings.Repeat(get, 200)); err != nil {
		t.Fatal(err)
	}
	other := redistest.Dial(t, p.addr)
	for range 100 {
		must(t, other, "+PONG\r\n", "PING")
		time.Sleep(10 * time.Millisecond)
	}
	if most := p.peak(t); most > 150*mebibyte {
		t.Errorf("the proxy took %d MiB for one client with a limit of 16", most/mebibyte)
	}
	got := 0
	for {
		if _, err := slow.Receive(); err != nil {
			break
		}
		got++
	}
	if got >= 200 {
		t.Error("the slow client got everything; it should have been closed")
	}
}

// TestIdleClients counts what a client costs that does nothing.
func TestIdleClients(t *testing.T) {
	s := redistest.Start(t)
	clients := min(10000, descriptors(t)-500)
	p := startChild(t, s, 0, "ATOMICPROXY_CLIENT_MAX=20000")
	connect(t, p.addr, 200) // what is needed once is there now
	before := p.rss(t)
	conns := connect(t, p.addr, clients)
	time.Sleep(500 * time.Millisecond)
	each := (p.rss(t) - before) / len(conns)
	t.Logf("%d idle clients: %d bytes each", len(conns), each)
	if each > 2048 {
		t.Errorf("an idle client costs %d bytes, want at most 2048", each)
	}
	began := time.Now()
	for _, c := range conns[:100] {
		if reply, err := c.Call("PING"); err != nil || reply != "+PONG\r\n" {
			t.Fatalf("PING: %q, %v", reply, err)
		}
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("100 PINGs among %d idle clients took %v", len(conns), d)
	}
}

// connect opens n connections that have each had one reply, from several goroutines.
func connect(t *testing.T, addr string, n int) []*redistest.Client {
	t.Helper()
	conns := make([]*redistest.Client, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				c, err := oracleDial(addr)
				if err != nil {
					t.Error(err)
					return
				}
				if reply, err := c.Call("PING"); err != nil || reply[0] != '+' && reply[0] != '-' {
					t.Errorf("client %d: %q, %v", i, reply, err)
					return
				}
				conns[i] = c
			}
		}()
	}
	all.Wait()
	t.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return conns
}

// TestSlowTrickle has many clients that send a byte now and then, and never a whole command: they disturb nobody.
func TestSlowTrickle(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, 0)
	before := p.rss(t)
	conns := make([]net.Conn, min(1000, descriptors(t)-500))
	for i := range conns {
		c, err := dialTimeout(p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadTime(3*time.Second))
	defer cancel()
	var trickling sync.WaitGroup
	trickling.Add(1)
	go func() {
		defer trickling.Done()
		command := redistest.Command("SET", "trickle", strings.Repeat("x", 1000))
		for i := 0; ctx.Err() == nil; i++ {
			for _, c := range conns {
				c.Write([]byte{command[i%len(command)]})
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	l := oracle.Run(ctx, oracle.Options{Addr: p.addr, Conns: 5, Depth: 10, Seed: 8, ReplyTimeout: 2 * time.Second})
	trickling.Wait()
	judge(t, l, s)
	if l.Right < 1000 || len(l.Errors) > 0 || l.Closed > 0 {
		t.Errorf("the others were disturbed: %v", l)
	}
	if grown := p.rss(t) - before; grown > 40*mebibyte {
		t.Errorf("%d clients that trickle cost %d MiB", len(conns), grown/mebibyte)
	}
}

// TestDescriptorExhaustion gives the proxy few descriptors and many clients: it neither ends nor spins, those inside
// are served, and when some go the next is.
func TestDescriptorExhaustion(t *testing.T) {
	s := redistest.Start(t)
	p := startChild(t, s, 64)
	first := redistest.Dial(t, p.addr)
	must(t, first, "+OK\r\n", "SET", "k", "v")
	var conns []net.Conn
	for range 200 {
		c, err := dialTimeout(p.addr)
		if err != nil {
			t.Fatal(err) // the kernel takes them, whether the proxy does or not
		}
		conns = append(conns, c)
	}
	used := p.cpu(t)
	for range 20 {
		must(t, first, redistest.Bulk("v"), "GET", "k")
		time.Sleep(50 * time.Millisecond)
	}
	if used = p.cpu(t) - used; used > 300*time.Millisecond {
		t.Errorf("out of descriptors, the proxy used %v of processor time in a second", used)
	}
	for _, c := range conns {
		c.Close()
	}
	waitUntil(t, "a new client is served", func() bool {
		c, err := oracleDial(p.addr)
		if err != nil {
			return false
		}
		defer c.Close()
		c.Timeout = time.Second
		reply, err := c.Call("GET", "k")
		return err == nil && reply == redistest.Bulk("v")
	})
	must(t, first, redistest.Bulk("v"), "GET", "k")
}

// TestPreAuthOutputCap has clients that never authenticate, never read and never stop: each is closed or made to wait,
// and the proxy doesn't grow.
func TestPreAuthOutputCap(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "secret")
	p := startChild(t, s, 0)
	before := p.rss(t)
	var flooding sync.WaitGroup
	for range 200 {
		conn, err := dialTimeout(p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		flooding.Add(1)
		go func() {
			defer flooding.Done()
			pings := []byte(strings.Repeat("*1\r\n$4\r\nPING\r\n", 2000))
			conn.SetWriteDeadline(time.Now().Add(3 * time.Second))
			for {
				if _, err := conn.Write(pings); err != nil {
					return
				}
			}
		}()
	}
	flooding.Wait()
	if grown := p.peak(t) - before; grown > 100*mebibyte {
		t.Errorf("200 clients that don't authenticate cost %d MiB", grown/mebibyte)
	}
	c := redistest.Dial(t, p.addr)
	must(t, c, "+OK\r\n", "AUTH", "secret")
	must(t, c, "+PONG\r\n", "PING")
}

// TestPreAuthMemory opens connections that announce more than they may: the proxy doesn't grow.
func TestPreAuthMemory(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "secret")
	p := startChild(t, s, 0)
	connect(t, p.addr, 200)
	before := p.rss(t)
	for i := range 1000 {
		conn, err := dialTimeout(p.addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte([]string{"*100\r\n", "*2\r\n$100000000\r\n", "*2\r\n$16384\r\nx", "*9\r\n"}[i%4]))
		defer conn.Close()
	}
	time.Sleep(300 * time.Millisecond)
	if grown := p.rss(t) - before; grown > 8*mebibyte {
		t.Errorf("1000 connections before AUTH cost %d MiB", grown/mebibyte)
	}
}
