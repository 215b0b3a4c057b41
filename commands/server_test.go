package commands

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/proto"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// server is a running server and what a control plane would know of it.
type server struct {
	name string
	addr string
	up   Upstream
}

// eachServer runs f on the installed redis-server and on each NAME/bin/server below $ATOMICPROXY_SERVERS.
func eachServer(t *testing.T, f func(t *testing.T, s *server)) {
	t.Helper()
	programs := map[string]string{}
	if p, err := exec.LookPath("redis-server"); err == nil {
		programs["redis-server"] = p
	}
	if dir := os.Getenv("ATOMICPROXY_SERVERS"); dir != "" {
		found, err := filepath.Glob(filepath.Join(dir, "*", "bin", "server"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no NAME/bin/server below %s (%v)", dir, err)
		}
		for _, p := range found {
			programs[filepath.Base(filepath.Dir(filepath.Dir(p)))] = p
		}
	}
	if len(programs) == 0 {
		if os.Getenv("ATOMICPROXY_REQUIRE_REDIS") == "1" {
			t.Fatal("no redis-server, and ATOMICPROXY_REQUIRE_REDIS is set")
		}
		t.Skip("no redis-server")
	}
	for name, p := range programs {
		t.Run(name, func(t *testing.T) { f(t, startServer(t, name, p)) })
	}
}

// everyServer is eachServer and miniredis.
func everyServer(t *testing.T, f func(t *testing.T, s *server)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		f(t, &server{name: "miniredis", addr: miniredis.RunT(t).Addr(), up: Upstream{Scripts: true}})
	})
	eachServer(t, f)
}

func startServer(t *testing.T, name, program string) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{name: name, addr: ln.Addr().String()}
	ln.Close()
	_, port, _ := net.SplitHostPort(s.addr)
	cmd := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := proto.Dial(s.addr); err == nil {
			r, _ := c.Do("PING")
			c.Close()
			if r == "+PONG\r\n" {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer", program)
		}
	}
	c := s.dial(t)
	s.up = Upstream{Scripts: true, Shebang: strings.HasPrefix(c.do("SCRIPT", "LOAD", "#!lua flags=no-writes\nreturn 1"), "$")}
	s.up.ACLCheck = s.up.Shebang
	s.up.ReadOnlyEval = strings.Contains(c.do("COMMAND", "INFO", "evalsha_ro"), "evalsha_ro")
	return s
}

// client sends commands and shows replies as they came, without the last line end.
type client struct {
	t  *testing.T
	c  *proto.Client
	s  *server
	rg *Registry
}

func (s *server) dial(t *testing.T) *client {
	t.Helper()
	c, err := proto.Dial(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{t: t, c: c, s: s}
}

func (c *client) do(args ...string) string {
	c.t.Helper()
	r, err := c.c.Do(args...)
	if err != nil {
		c.t.Fatalf("%.100q: %v", args, err)
	}
	return strings.TrimSuffix(r, "\r\n")
}

// load loads the catalogue of rg, which call uses from then on.
func (c *client) load(rg *Registry) *client {
	c.t.Helper()
	c.rg = rg
	for _, text := range rg.Texts(&c.s.up) {
		if got := c.do("SCRIPT", "LOAD", text.Body); got != "$40\r\n"+text.SHA1 {
			c.t.Fatalf("SCRIPT LOAD %s: %q, want its SHA1 %s", text.Name, got, text.SHA1)
		}
	}
	return c
}

// call rewrites a custom command and sends it. An error of the rewriting is shown as a reply.
func (c *client) call(args ...string) string {
	c.t.Helper()
	frame, _, err := rewrite(c.t, c.rg, &c.s.up, args...)
	if err != nil {
		return "-" + err.Text
	}
	return c.do(parseFrame(c.t, frame)...)
}

// want fails unless the reply of a custom command is this one; one that ends in "..." is a beginning.
func (c *client) want(reply string, args ...string) {
	c.t.Helper()
	got := c.call(args...)
	if start, ok := strings.CutSuffix(reply, "..."); ok && strings.HasPrefix(got, start) || got == reply {
		return
	}
	c.t.Errorf("%.200q\n got %q\nwant %q", args, got, reply)
}

// set sets keys to the value "v".
func (c *client) set(keys ...string) *client {
	c.t.Helper()
	for len(keys) > 0 {
		n := min(len(keys), 1000)
		args := []string{"MSET"}
		for _, k := range keys[:n] {
			args = append(args, k, "v")
		}
		if got := c.do(args...); got != "+OK" {
			c.t.Fatal(got)
		}
		keys = keys[n:]
	}
	return c
}

// left fails unless the database holds exactly n keys.
func (c *client) left(n int) {
	c.t.Helper()
	if got := c.do("DBSIZE"); got != ":"+strconv.Itoa(n) {
		c.t.Errorf("DBSIZE %s, want %d", got, n)
	}
}

var testSettings = Settings{PurgeMaxScan: 100_000, PurgeLimit: 10_000}

func loadCatalogue(tb testing.TB, s Settings) *Registry {
	tb.Helper()
	r, err := Load(scripts.FS, s)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func rewrite(tb testing.TB, r *Registry, up *Upstream, args ...string) ([]byte, Call, *Error) {
	tb.Helper()
	c := r.Lookup([]byte(args[0]))
	if c == nil {
		tb.Fatalf("%q is not in the catalogue", args[0])
	}
	var b [][]byte
	for _, a := range args {
		b = append(b, []byte(a))
	}
	return c.Rewrite(nil, b, up)
}

// parseFrame reads a canonical command frame; what is not exactly one fails the test.
func parseFrame(tb testing.TB, frame []byte) []string {
	tb.Helper()
	line := func(kind byte) int {
		head, rest, ok := bytes.Cut(frame, []byte("\r\n"))
		if !ok || len(head) < 2 || head[0] != kind {
			tb.Fatalf("%q where %c should stand", frame, kind)
		}
		n, err := strconv.Atoi(string(head[1:]))
		if err != nil || n < 0 || string(head[1:]) != fmt.Sprint(n) {
			tb.Fatalf("length %q", head)
		}
		frame = rest
		return n
	}
	var args []string
	for n := line('*'); n > 0; n-- {
		k := line('$')
		if len(frame) < k+2 || string(frame[k:k+2]) != "\r\n" {
			tb.Fatalf("bulk of %d bytes in %q", k, frame)
		}
		args = append(args, string(frame[:k]))
		frame = frame[k+2:]
	}
	if len(frame) > 0 {
		tb.Fatalf("%q follows the frame", frame)
	}
	return args
}
