package session_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// text is the text of a bulk or verbatim string.
func text(t *testing.T, reply string) string {
	t.Helper()
	header, rest, _ := strings.Cut(reply, "\r\n")
	var n int
	if _, err := fmt.Sscanf(header[1:], "%d", &n); err != nil || n > len(rest) || header[0] != '$' && header[0] != '=' {
		t.Fatalf("no text: %.200q", reply)
	}
	return strings.TrimPrefix(rest[:n], "txt:")
}

// TestProxyReports reads each report on each server, in both protocols.
func TestProxyReports(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr, func(c *proxy.Config) { c.Loops = 2 })
		others := map[string]*redistest.Client{}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			others[name] = redistest.Dial(t, addr)
			others[name].Do("CLIENT", "SETNAME", name)
		}
		others["b"].Do("SELECT", "3")
		others["c"].Do("WATCH", "k")
		others["d"].Do("MULTI")
		others["d"].Do("GET", "k")
		others["e"].Do("HELLO", "3")
		c := redistest.Dial(t, addr)
		for _, hello := range []string{"2", "3"} {
			c.Do("HELLO", hello)
			if got := c.Do("PROXY", "help"); !strings.HasPrefix(got, "*13\r\n+PROXY <subcommand>") {
				t.Errorf("HELP: %q", got)
			}
			clients := text(t, c.Do("proxy", "clients"))
			for _, want := range []string{
				`name=a age=\d+ user=default db=0 resp=2 pinned=no multi=no inflight=0 `, `name=b .* db=3 `, `name=c .* pinned=yes multi=no `,
				`name=d .* pinned=yes multi=yes `, `name=e .* resp=3 `, `id=1099\d+ addr=127.0.0.1:\d+ name= .* resp=` + hello + ` .* inflight=1 `,
			} {
				if !regexp.MustCompile(`(?m)^.*` + want).MatchString(clients) {
					t.Errorf("no %q in\n%s", want, clients)
				}
			}
			if n := strings.Count(clients, "\n"); n != 6 {
				t.Errorf("%d lines:\n%s", n, clients)
			}
			info := text(t, c.Do("PROXY", "INFO"))
			for _, want := range []string{"# Proxy\r\nproxy_version:1.2.3\r\n", "\r\nloops:2\r\n", "\r\nconnected_clients:6\r\n", "\r\nupstream_connected:yes\r\n",
				"\r\nupstream_version:" + s.Version + "\r\n", "\r\nscripts_available:yes\r\n", "\r\nconnections_pinned:2\r\n"} {
				if !strings.Contains(info, want) {
					t.Errorf("no %q in\n%s", want, info)
				}
			}
			list := text(t, c.Do("PROXY", "COMMANDS"))
			if !regexp.MustCompile(`(?m)^name=purge origin=ours script=purge sha1=[0-9a-f]{40} sha1-shebang=[0-9a-f]{40} loaded=(plain|shebang) retry=S$`).MatchString(list) {
				t.Errorf("COMMANDS:\n%s", list)
			}
			checkLoaded(t, s, list)
		}
	})
}

// checkLoaded asks the server whether it has the scripts under the names shown.
func checkLoaded(t *testing.T, s *redistest.Server, list string) {
	t.Helper()
	key := "sha1="
	if strings.Contains(list, "loaded=shebang") {
		key = "sha1-shebang="
	}
	for line := range strings.Lines(list) {
		_, sha, _ := strings.Cut(line, key)
		if got := s.Dial(t).Do("SCRIPT", "EXISTS", sha[:40]); got != "*1\r\n:1\r\n" {
			t.Errorf("the server has not %s", line)
		}
	}
}

// TestProxyErrors: errors have Redis's form, and a transaction is aborted.
func TestProxyErrors(t *testing.T) {
	s := redistest.Start(t)
	c := redistest.Dial(t, startProxy(t, s.Addr, nil))
	for _, tt := range [][2]string{
		{"PROXY", "-ERR wrong number of arguments for 'proxy' command\r\n"},
		{"PROXY FOO", "-ERR unknown subcommand 'FOO'. Try PROXY HELP.\r\n"},
		{"PROXY Info x", "-ERR wrong number of arguments for 'proxy|info' command\r\n"},
		{"PROXY a\r\nb", "-ERR unknown subcommand 'a  b'. Try PROXY HELP.\r\n"},
		{"PROXY info\x00x", ""}, // what stands before a NUL is what C sees
		{"PROXY " + strings.Repeat("x", 1000), "-ERR unknown subcommand '" + strings.Repeat("x", 128) + "'. Try PROXY HELP.\r\n"},
		{"WATCH k", "+OK\r\n"},
		{"PROXY FOO", "-ERR unknown subcommand 'FOO'. Try PROXY HELP.\r\n"},
		{"MULTI", "+OK\r\n"},
		{"PROXY FOO", "-ERR Command not allowed inside a transaction\r\n"},
		{"PROXY INFO", "-ERR Command not allowed inside a transaction\r\n"},
		{"EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		{"PING", "+PONG\r\n"},
		{"CLIENT NO-EVICT ON", "+OK\r\n"},
		{"PROXY INFO", "-DENIED PROXY is not answered on a connection that holds state of its own, such as subscriptions: use another one\r\n"},
		{"PROXY nonsense", "-DENIED PROXY is not answered on a connection that holds state of its own, such as subscriptions: use another one\r\n"},
	} {
		if got := c.Do(strings.Split(tt[0], " ")...); got != tt[1] && tt[1] != "" {
			t.Errorf("%.40q: %.200q, want %.200q", tt[0], got, tt[1])
		}
	}
	// A subcommand that a client makes up must not be remembered.
	before := session.PoisonTexts()
	d := redistest.Dial(t, startProxy(t, s.Addr, nil))
	d.Do("MULTI")
	for i := range 20 {
		d.Do("PROXY", fmt.Sprint("made-up-", i))
	}
	if n := session.PoisonTexts(); n > before+1 {
		t.Errorf("%d texts are remembered, %d were before", n, before)
	}
}

// TestProxyRights: PROXY is for those whom the upstream's ACL takes for admins.
func TestProxyRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		direct := s.Dial(t)
		direct.Do("ACL", "SETUSER", "user", "on", ">pw", "~*", "+@all", "-@admin")
		direct.Do("ACL", "SETUSER", "boss", "on", ">pw", "-@all", "+@admin", "+@connection")
		addr := startProxy(t, s.Addr, nil)
		user, boss := redistest.Dial(t, addr), redistest.Dial(t, addr)
		user.Do("AUTH", "user", "pw")
		boss.Do("AUTH", "boss", "pw")
		for _, sub := range []string{"HELP", "INFO", "CLIENTS", "COMMANDS"} {
			if got := user.Do("PROXY", sub); !redistest.IsError(got, "DENIED") {
				t.Errorf("PROXY %s without @admin: %.100q", sub, got)
			}
			if got := boss.Do("PROXY", sub); got[0] == '-' {
				t.Errorf("PROXY %s with @admin: %q", sub, got)
			}
		}
		if clients := text(t, boss.Do("PROXY", "CLIENTS")); !strings.Contains(clients, " user=boss ") || !strings.Contains(clients, " user=user ") {
			t.Errorf("CLIENTS:\n%s", clients)
		}
	})
}

// TestProxyNoAuth: a stranger learns nothing.
func TestProxyNoAuth(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "secret")
	c := redistest.Dial(t, startProxy(t, s.Addr, func(cfg *proxy.Config) { cfg.Upstream.URL = "redis://:secret@" + s.Addr }))
	for _, line := range []string{"PROXY INFO", "PROXY CLIENTS", "COMMAND", "COMMAND INFO purge"} {
		if got := c.Do(strings.Split(line, " ")...); !redistest.IsError(got, "NOAUTH") {
			t.Errorf("%s: %.100q", line, got)
		}
	}
	c.Do("AUTH", "secret")
	if got := c.Do("PROXY", "INFO"); got[0] != '$' {
		t.Errorf("PROXY INFO: %q", got)
	}
}

// TestProxyOrder: a report is put together elsewhere, and what follows it comes
// after it all the same.
func TestProxyOrder(t *testing.T) {
	s := redistest.Start(t)
	addr := startProxy(t, s.Addr, func(c *proxy.Config) { c.Loops = 2 })
	c := redistest.Dial(t, addr)
	var request strings.Builder
	for i := range 50 {
		request.WriteString(redistest.Command("ECHO", fmt.Sprint("before ", i)) + redistest.Command("PROXY", "CLIENTS") +
			redistest.Command("ECHO", fmt.Sprint("after ", i)) + redistest.Command("PROXY", "nosuch"))
	}
	if err := c.Send(request.String()); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		for _, want := range []string{redistest.Bulk(fmt.Sprint("before ", i)), "id=", redistest.Bulk(fmt.Sprint("after ", i)), "-ERR unknown subcommand 'nosuch'"} {
			if got, err := c.Receive(); err != nil || !strings.Contains(got, want) {
				t.Fatalf("%d: %.200q, %v, want %q", i, got, err, want)
			}
		}
	}
	// Clients that go before their report comes leave nothing behind.
	for range 30 {
		g := redistest.Dial(t, addr)
		g.Send(redistest.Command("PROXY", "CLIENTS"))
		g.Close()
	}
	deadline := time.Now().Add(10 * time.Second)
	for strings.Count(text(t, c.Do("PROXY", "CLIENTS")), "\n") != 1 {
		if time.Now().After(deadline) {
			t.Fatalf("clients are left: %s", text(t, c.Do("PROXY", "CLIENTS")))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestProxyHalfClose: who closes its sending side still gets the report.
func TestProxyHalfClose(t *testing.T) {
	s := redistest.Start(t)
	c := redistest.Dial(t, startProxy(t, s.Addr, nil))
	c.Send(redistest.Command("PROXY", "CLIENTS"))
	c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := c.Receive(); err != nil || !strings.Contains(got, "id=") {
		t.Errorf("%.200q, %v", got, err)
	}
	if got, err := c.Receive(); err == nil {
		t.Errorf("after it: %q", got)
	}
}

// TestProxyUpstreamLost: without an upstream that judges there is no report, but
// an answer, and the connection stays usable.
func TestProxyUpstreamLost(t *testing.T) {
	s := redistest.Start(t)
	addr := startProxy(t, s.Addr, func(c *proxy.Config) { c.Upstream.Wait = 200 * time.Millisecond })
	c := redistest.Dial(t, addr)
	c.Do("PING")
	s.Stop()
	c.Send(redistest.Command("PROXY", "INFO") + redistest.Command("PROXY", "HELP"))
	for range 2 {
		if got, err := c.Receive(); err != nil || !redistest.IsError(got, "UNAVAILABLE") && !redistest.IsError(got, "UNCERTAIN") {
			t.Errorf("without an upstream: %q, %v", got, err)
		}
	}
	s.Restart(t)
	deadline := time.Now().Add(15 * time.Second)
	for c.Do("PROXY", "INFO")[0] != '$' {
		if time.Now().After(deadline) {
			t.Fatal("no report after the upstream had come back")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestProxyEmbedded: the embedded server has no users, so everybody may ask.
func TestProxyEmbedded(t *testing.T) {
	c := redistest.Dial(t, startProxy(t, redistest.Miniredis(t).Addr, nil))
	if got := c.Do("PROXY", "INFO"); got[0] != '$' {
		t.Errorf("PROXY INFO: %q", got)
	}
	if got := c.Do("COMMAND", "DOCS"); got[0] != '-' {
		t.Errorf("COMMAND DOCS: %.100q", got)
	}
	entries := elements(t, c.Do("COMMAND", "INFO", "purge", "get", "nosuch", "eval"))
	if len(entries) != 4 || !strings.Contains(entries[0], redistest.Bulk("purge")) || !strings.Contains(entries[1], redistest.Bulk("get")) ||
		entries[2] != "$-1\r\n" || entries[3] != "$-1\r\n" {
		t.Errorf("COMMAND INFO: %q", entries)
	}
}
