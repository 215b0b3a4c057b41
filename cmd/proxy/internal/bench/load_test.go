package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/tidwall/redcon"
)

// scripted is a target that answers as f says, given the command's number on its connection.
func scripted(t *testing.T, f func(conn redcon.Conn, n int, cmd redcon.Command)) *target {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := redcon.NewServer(ln.Addr().String(), func(conn redcon.Conn, cmd redcon.Command) {
		n, _ := conn.Context().(int)
		conn.SetContext(n + 1)
		f(conn, n, cmd)
	}, nil, nil)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() { s.Close(); <-done })
	return &target{name: Direct, addr: ln.Addr().String()}
}

// bare is a lab that has started nothing.
func bare() *lab { return &lab{opts: &Options{Log: io.Discard}, server: nil} }

const short100 = 100 * time.Millisecond

func TestClosedCountsWhatIsAnswered(t *testing.T) {
	var mu sync.Mutex
	served := 0
	target := scripted(t, func(conn redcon.Conn, _ int, cmd redcon.Command) {
		mu.Lock()
		served++
		mu.Unlock()
		if key := string(cmd.Args[1]); string(cmd.Args[0]) != "GET" || !strings.HasPrefix(key, "bench:00") {
			t.Errorf("%q", cmd.Args)
		}
		conn.WriteBulkString("value")
	})
	for _, pipeline := range []int{1, 16} {
		m, err := closed{5, command(pipeline, "GET", keyName)}.measure(t.Context(), bare(), target, short100)
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		most := float64(served)
		served = 0
		mu.Unlock()
		if counted := m[Rate] * short100.Seconds(); counted < 1 || counted > most {
			t.Errorf("pipeline of %d: %v counted, %v served", pipeline, counted, most)
		}
		if m[P50] <= 0 || m[P50] > m[P99] || m[P99] > m[P999] {
			t.Errorf("percentiles: %v", m)
		}
	}
}

// An optimistic operation whose EXEC is null is done again, from its beginning, and counts once.
func TestClosedRepeatsWhatLostTheRace(t *testing.T) {
	var mu sync.Mutex
	execs, watches := 0, 0
	target := scripted(t, func(conn redcon.Conn, n int, cmd redcon.Command) {
		mu.Lock()
		defer mu.Unlock()
		switch strings.ToUpper(string(cmd.Args[0])) {
		case "WATCH":
			watches++
			conn.WriteString("OK")
		case "GET":
			conn.WriteNull()
		case "EXEC":
			execs++
			if execs%2 == 1 { // every first try
				conn.WriteRaw([]byte("*-1\r\n"))
			} else {
				conn.WriteRaw([]byte("*1\r\n+OK\r\n"))
			}
		default:
			conn.WriteString("OK")
		}
	})
	_, _, watch := rivals[0].flows([]byte("*1\r\n$4\r\nPING\r\n"))
	m, err := closed{1, watch}.measure(t.Context(), bare(), target, short100)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if counted := m[Rate] * short100.Seconds(); counted < 1 || counted > float64(execs/2)+1 {
		t.Errorf("%v operations counted, with %d EXECs of which half succeeded", counted, execs)
	}
	if watches < execs || watches > execs+1 {
		t.Errorf("%d WATCHes and %d EXECs", watches, execs)
	}
}

// Whatever is not an answer as it should be fails the sample.
func TestFailures(t *testing.T) {
	get := command(1, "GET", keyName)
	loads := map[string]load{"closed": closed{3, get}, "paced": paced{clients: 3, rate: 1000, template: get.steps[0].template}}
	for name, tt := range map[string]struct {
		answer func(redcon.Conn, int)
		want   string
	}{
		"an error":    {func(c redcon.Conn, n int) { c.WriteError("ERR no") }, `error reply: "-ERR no`},
		"a later one": {func(c redcon.Conn, n int) { failAfter(c, n, 5, func() { c.WriteError("ERR no") }) }, `error reply: "-ERR no`},
		"an end":      {func(c redcon.Conn, n int) { failAfter(c, n, 5, func() { c.Close() }) }, "closed"},
		"too much": {func(c redcon.Conn, n int) {
			failAfter(c, n, 5, func() { c.WriteString("OK"); c.WriteString("OK"); c.WriteString("OK") })
		}, "too many"},
		"not protocol": {func(c redcon.Conn, n int) { c.WriteRaw([]byte("HTTP/1.1 200 OK\r\n\r\n")) }, "reply"},
	} {
		for kind, ld := range loads {
			t.Run(kind+"/"+name, func(t *testing.T) {
				target := scripted(t, func(conn redcon.Conn, n int, _ redcon.Command) { tt.answer(conn, n) })
				m, err := ld.measure(t.Context(), bare(), target, 500*time.Millisecond)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, %v; want %q", m, err, tt.want)
				}
			})
		}
	}
}

func failAfter(c redcon.Conn, n, good int, bad func()) {
	if n < good {
		c.WriteString("OK")
		return
	}
	bad()
}

// A target that says nothing does not hold up the run for ever.
func TestSilentTarget(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), short100)
	defer cancel()
	target := scripted(t, func(redcon.Conn, int, redcon.Command) {})
	if m, err := (closed{2, command(1, "GET", keyName)}).measure(ctx, bare(), target, time.Minute); err == nil {
		t.Errorf("measured %v", m)
	}
	if m, err := (closed{2, command(1, "GET", keyName)}).measure(t.Context(), bare(), target, short100); err == nil {
		t.Errorf("measured %v", m)
	}
}

// An open loop keeps its rate, whatever comes back.
func TestPacedRate(t *testing.T) {
	target := scripted(t, func(conn redcon.Conn, _ int, _ redcon.Command) { conn.WriteNull() })
	p := paced{clients: 7, rate: 2000, template: compile([]string{"GET", keyName})}
	m, err := p.measure(t.Context(), bare(), target, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if m[Rate] < 1000 || m[Rate] > 3000 { // a loaded machine catches up late
		t.Errorf("%v a second, want 2000", m[Rate])
	}
}

func TestFanout(t *testing.T) {
	target := &target{name: Direct, addr: miniredis.RunT(t).Addr()}
	m, err := fanout{subscribers: 10, messages: 4}.measure(t.Context(), bare(), target, short100)
	if err != nil {
		t.Fatal(err)
	}
	if m[Rate] <= 0 {
		t.Errorf("%v", m)
	}
}

// The relay passes on all bytes, both ways, also when both sides are full.
func TestRelay(t *testing.T) {
	back, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	go func() {
		for {
			nc, err := back.Accept()
			if err != nil {
				return
			}
			go func() { defer nc.Close(); io.Copy(nc, nc) }()
		}
	}()
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Helper(ctx, []string{"copy", addr, back.Addr().String()}, io.Discard) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	conns := dialWhenUp(t, addr, 3)
	var wg sync.WaitGroup
	for i, nc := range conns {
		data := bytes.Repeat([]byte(fmt.Sprintf("%d, ", i)), 2<<20)
		wg.Go(func() {
			if _, err := nc.Write(data); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			got := make([]byte, len(data))
			if _, err := io.ReadFull(nc, got); err != nil {
				t.Error(err)
			} else if !bytes.Equal(got, data) {
				t.Errorf("connection %d: other bytes came back", i)
			}
		})
	}
	wg.Wait()
	closeAll(conns)
}

// dialWhenUp connects once somebody listens.
func dialWhenUp(t *testing.T, addr string, n int) []net.Conn {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		conns, err := connect(t.Context(), addr, n)
		if err == nil {
			for _, nc := range conns {
				nc.SetDeadline(time.Now().Add(20 * time.Second))
			}
			return conns
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestStorm(t *testing.T) {
	dir := t.TempDir()
	if err := makeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	target := scripted(t, func(conn redcon.Conn, _ int, _ redcon.Command) { conn.WriteNull() })
	bad := scripted(t, func(conn redcon.Conn, _ int, _ redcon.Command) { conn.WriteError("ERR no") })
	for _, tt := range []struct {
		addr, certificate string
		good              bool
	}{{target.addr, "", true}, {bad.addr, "", false}, {target.addr, certFile(dir), false}} { // the last speaks no TLS
		s := storm{addr: tt.addr, certificate: tt.certificate, rate: 200}
		r, err := s.blow(t.Context(), 200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if tt.good && (r.Made < 10 || r.Failed != 0) || !tt.good && (r.Made != 0 || r.Failed < 10 || r.Error == "") {
			t.Errorf("%+v: %+v", tt, r)
		}
	}
	for _, args := range [][]string{nil, {"copy"}, {"storm", "a", "b", "many", "1s"}, {"storm", "a", "b", "1", "long"}, {"storm", "a", "/nowhere", "1", "1s"}} {
		if err := Helper(t.Context(), args, io.Discard); err == nil {
			t.Errorf("took %v", args)
		}
	}
}
