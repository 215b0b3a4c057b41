package e2e

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// scrape reads /metrics: the value by name and labels, those of a loop summed.
func (r *running) scrape(t *testing.T) map[string]float64 {
	t.Helper()
	res, err := http.Get("http://" + r.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]float64{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || name[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		out[withoutLoop(strings.TrimPrefix(name, "atomicproxy_"))] += v
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// withoutLoop takes the loop's number out of the labels: "x{kind="a",loop="0"}"
// is "x{kind="a"}".
func withoutLoop(name string) string {
	for _, l := range []string{`,loop="0"`, `,loop="1"`, `loop="0",`, `loop="1",`, `{loop="0"}`, `{loop="1"}`} {
		name = strings.Replace(name, l, "", 1)
	}
	return name
}

// readyz is the status and the text of /readyz.
func (r *running) readyz(t *testing.T) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + r.AdminAddr() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestMetricsTellTheTruth runs a known number of commands of each kind on two
// loops and compares every count.
func TestMetricsTellTheTruth(t *testing.T) {
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Admin, cfg.Loops = "127.0.0.1:0", 2
	cfg.Deny = []string{"flushall"}
	r := startReady(t, cfg)
	was := r.scrape(t)
	clients := make([]*client, 8)
	for i := range clients {
		clients[i] = r.dial(t)
		countedWork(clients[i])
	}
	now := r.scrape(t)
	n := float64(len(clients))
	for name, want := range map[string]float64{
		`commands_total{kind="forwarded"}`:      n * (10 + 3), // SET, LPUSH
		`commands_total{kind="custom"}`:         n * 2,
		`commands_total{kind="pinned"}`:         n * 3, // MULTI, SET, EXEC
		`commands_total{kind="refused"}`:        n * 2,
		`commands_total{kind="local"}`:          n * 1, // PURGE *
		`error_replies_total{code="WRONGTYPE"}`: n * 3,
		`error_replies_total{code="LIMIT"}`:     n,
		`clients`:                               n,
		`clients_accepted_total`:                n,
		`commands_in_flight`:                    0,
		`command_duration_seconds_count`:        n * (10 + 3 + 2 + 3),
		`upstream_connections{state="shared"}`:  2,
		`upstream_connections{state="pinned"}`:  0,
		`upstream_reconnects_total`:             0,
		`panics_total`:                          0,
		`ready`:                                 1,
	} {
		before := was[name]
		if name == "ready" || strings.HasPrefix(name, "upstream_connections") {
			before = 0
		}
		if got := now[name] - before; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if sum := now["command_duration_seconds_sum"]; sum <= 0 || sum > 60 {
		t.Errorf("the commands took %v s together", sum)
	}
	leave(t, r, clients)
}

// leave has half of the clients say QUIT and the others go without a word, and
// looks how that is counted.
func leave(t *testing.T, r *running, clients []*client) {
	t.Helper()
	n := float64(len(clients))
	for i, c := range clients {
		if i%2 == 0 {
			c.must("+OK\r\n", "QUIT")
		}
		c.Close()
	}
	eventually(t, "no client is counted", func() bool { return r.scrape(t)["clients"] == 0 })
	gone := r.scrape(t)
	for name, want := range map[string]float64{
		`clients_closed_total{reason="client_quit"}`:   n / 2,
		`clients_closed_total{reason="client_closed"}`: n / 2,
		`clients_accepted_total`:                       n,
		`commands_in_flight`:                           0,
		`upstream_connections{state="pinned"}`:         0,
	} {
		if gone[name] != want {
			t.Errorf("at the end, %s: %v, want %v", name, gone[name], want)
		}
	}
}

// countedWork is what TestMetricsTellTheTruth counts.
func countedWork(c *client) {
	c.tb.Helper()
	for range 10 {
		c.must("+OK\r\n", "SET", "k", "v")
	}
	for range 3 {
		c.mustFail("WRONGTYPE", "LPUSH", "k", "v")
	}
	c.must(":0\r\n", "PURGE", "x:*")
	c.must("+OK\r\n", "MULTI")
	c.must("+QUEUED\r\n", "SET", "k2", "v")
	c.must("*1\r\n+OK\r\n", "EXEC")
	c.mustFail("LIMIT", "PURGE", "k*", "LIMIT", "1")
	c.mustFail("DENIED", "PURGE", "*")
	c.mustFail("DENIED", "FLUSHALL")
	c.mustFail("DENIED", "EVAL", "return 1", "0")
}

// TestGaugesReturn: whatever clients held, nothing of it is counted once they
// have left without a word.
func TestGaugesReturn(t *testing.T) {
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Admin, cfg.Loops = "127.0.0.1:0", 2
	r := startReady(t, cfg)
	holders := []string{"BLPOP never 0", "SUBSCRIBE ch", "MONITOR", "MULTI", "WATCH k", "CLIENT TRACKING ON", "GET k",
		"XREAD BLOCK 0 STREAMS none $", "CLIENT REPLY OFF", "SELECT 3"}
	var clients []*client
	for range 5 {
		for _, h := range holders {
			c := r.dial(t)
			if strings.HasPrefix(h, "CLIENT TRACKING") {
				c.do("HELLO", "3")
			}
			c.say(words(h)...)
			clients = append(clients, c)
		}
	}
	eventually(t, "all are there and hold something", func() bool {
		m := r.scrape(t)
		return m["clients"] == float64(len(clients)) && m[`upstream_connections{state="pinned"}`] >= 8*5 &&
			m["commands_in_flight"] >= 10
	})
	for _, c := range clients {
		c.Close()
	}
	eventually(t, "the gauges are back", func() bool {
		m := r.scrape(t)
		return m["clients"] == 0 && m["commands_in_flight"] == 0 && m[`upstream_connections{state="pinned"}`] == 0 &&
			m[`upstream_connections{state="connecting"}`] == 0
	})
	direct := s.Dial(t)
	eventually(t, "the server sees nobody blocked", func() bool {
		return strings.Contains(direct.Do("INFO", "clients"), "blocked_clients:0\r\n")
	})
	m := r.scrape(t)
	if accepted := m["clients_accepted_total"]; accepted != float64(len(clients)) {
		t.Errorf("%v were accepted, of %d", accepted, len(clients))
	}
}

// TestReadiness: /readyz follows the upstream's death and return, and a drain,
// while /healthz only says that the process lives.
func TestReadiness(t *testing.T) {
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Admin = "127.0.0.1:0"
	r := startReady(t, cfg)
	is := func(want int) func() bool {
		return func() bool { code, _ := r.readyz(t); return code == want }
	}
	eventually(t, "ready", is(200))
	for range 2 {
		s.Kill()
		eventually(t, "not ready", is(503))
		if _, text := r.readyz(t); !strings.Contains(text, "upstream") {
			t.Errorf("the reason is %q", text)
		}
		if m := r.scrape(t); m["ready"] != 0 {
			t.Errorf("the metric says %v", m["ready"])
		}
		s.Restart(t)
		eventually(t, "ready again", is(200))
	}
	s.Pause(t)
	began := time.Now()
	eventually(t, "not ready: the upstream does not answer", is(503))
	t.Logf("noticed after %v", time.Since(began))
	s.Continue(t)
	eventually(t, "ready again", is(200))
}

// TestReadinessWhileDraining: a proxy that drains is not ready, and lives.
func TestReadinessWhileDraining(t *testing.T) {
	cfg := before(redistest.Start(t))
	cfg.Admin = "127.0.0.1:0"
	r := startReady(t, cfg)
	// A client in the middle of something keeps the drain from ending at once.
	c := r.dial(t)
	c.say("BLPOP", "never", "0")
	eventually(t, "blocked", func() bool { return r.scrape(t)["commands_in_flight"] == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan error, 1)
	go func() { drained <- r.Drain(ctx) }()
	eventually(t, "not ready while draining", func() bool { code, _ := r.readyz(t); return code == 503 })
	if _, text := r.readyz(t); !strings.Contains(text, "shutting down") {
		t.Errorf("the reason is %q", text)
	}
	res, err := http.Get("http://" + r.AdminAddr() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("healthz while draining: %d", res.StatusCode)
	}
	cancel()
	<-drained
}
