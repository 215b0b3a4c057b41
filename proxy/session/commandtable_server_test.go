package session_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
	"github.com/atomicproxy/atomicproxy/proxy/session"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// startProxy runs a proxy before upstream in this process until the test ends,
// and returns its address.
func startProxy(t *testing.T, upstream string, change func(*proxy.Config)) string {
	t.Helper()
	cfg := proxy.NewConfig()
	cfg.Listen, cfg.Admin, cfg.Upstream.URL = []string{"127.0.0.1:0"}, "", "redis://"+upstream
	if change != nil {
		change(&cfg)
	}
	srv, err := proxy.New(cfg, proxy.Options{Version: "1.2.3", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatalf("proxy.New: %v", err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatalf("Listen: %v", err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background()) }()
	t.Cleanup(func() {
		srv.Close()
		<-served
	})
	return srv.Addrs()[0]
}

// refusedHere are the commands that the default policy refuses.
var refusedHere = strings.Fields(`eval evalsha eval_ro evalsha_ro fcall fcall_ro sync psync replconf asking
	script|load script|flush script|debug function|load function|delete function|flush function|restore cluster|syncslots client|maint_notifications`)

// ourCommands are those that the proxy adds to a server's, in order: the catalogue's,
// but for those that the server has itself.
func ourCommands(t *testing.T, theirs []string) []string {
	t.Helper()
	reg, err := commands.Load(scripts.FS, commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
	if err != nil {
		t.Fatal(err)
	}
	ours := []string{"proxy"}
	for _, c := range reg.Commands() {
		native := len(c.Spec().Native) > 0 && slices.Contains(theirs, c.Name())
		if !native && !c.Extends() {
			ours = append(ours, c.Name())
		}
	}
	slices.Sort(ours)
	return ours
}

// elements splits an array, a set or a map reply.
func elements(t *testing.T, reply string) []string {
	t.Helper()
	_, elems, ok := session.Parts([]byte(reply))
	if !ok {
		t.Fatalf("not an aggregate: %.200q", reply)
	}
	out := make([]string, len(elems))
	for i, e := range elems {
		out[i] = string(e)
	}
	return out
}

// named maps names to what stands for them: entries of COMMAND by their first
// element, or the pairs of COMMAND DOCS.
func named(t *testing.T, reply string, pairs bool) (names []string, by map[string]string) {
	t.Helper()
	by = map[string]string{}
	elems := elements(t, reply)
	for i := 0; i < len(elems); i++ {
		name := elems[i]
		if pairs {
			i++
		} else {
			name = elements(t, elems[i])[0]
		}
		name = strings.ToLower(strings.Split(name, "\r\n")[1])
		names = append(names, name)
		by[name] = elems[i]
	}
	return names, by
}

// TestCommandTruth compares what clients are told through the proxy with what
// the server says: nothing is missing but what is refused, nothing is changed,
// and ours come in the server's own form.
func TestCommandTruth(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr, nil)
		for _, hello := range []string{"2", "3"} {
			direct, via := s.Dial(t), redistest.Dial(t, addr)
			direct.Do("HELLO", hello)
			via.Do("HELLO", hello)
			compareTable(t, direct.Do("COMMAND"), via.Do("COMMAND"), false)
			if docs := direct.Do("COMMAND", "DOCS"); docs[0] != '-' {
				compareTable(t, docs, via.Do("COMMAND", "DOCS"), true)
				if n := len(elements(t, via.Do("COMMAND", "LIST"))); n < 300 {
					t.Errorf("COMMAND LIST has %d names", n)
				}
			}
			for _, line := range []string{"COMMAND INFO get", "COMMAND INFO get nosuch SET", "COMMAND GETKEYS mset a 1 b 2", "COMMAND GETKEYS get",
				"COMMAND GETKEYSANDFLAGS set k v", "COMMAND COUNT x", "COMMAND LIST FILTERBY", "COMMAND LIST x y z", "COMMAND DOCS get nosuch", "COMMAND HELP",
				"COMMAND INFO config client|list", "COMMAND GETKEYS nosuch x", "COMMAND DOCS config"} {
				args := strings.Split(line, " ")
				if got, want := via.Do(args...), direct.Do(args...); got != want {
					t.Errorf("%s: %.300q, want %.300q", line, got, want)
				}
			}
			count, entries := via.Do("COMMAND", "COUNT"), elements(t, via.Do("COMMAND"))
			if want := fmt.Sprintf(":%d\r\n", len(entries)); count != want {
				t.Errorf("COMMAND COUNT is %q, and COMMAND has %q", count, want)
			}
		}
	})
}

// compareTable compares two tables of commands, or their documentation.
func compareTable(t *testing.T, direct, via string, pairs bool) {
	t.Helper()
	theirs, before := named(t, direct, pairs)
	names, after := named(t, via, pairs)
	ours := ourCommands(t, theirs)
	var want []string
	for _, n := range theirs {
		if !slices.Contains(refusedHere, n) && !slices.Contains(ours, n) {
			want = append(want, n)
		}
	}
	if want = append(want, ours...); !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	for name, entry := range after {
		switch old := before[name]; {
		case slices.Contains(ours, name) || entry == old:
		case name != "script" && name != "function" && name != "cluster":
			t.Errorf("%s: %.200q, want %.200q", name, entry, old)
		default:
			for _, refused := range refusedHere {
				if strings.Contains(refused, "|") && strings.Contains(entry, redistest.Bulk(refused)) {
					t.Errorf("%s: offers %s", name, refused)
				}
			}
		}
	}
	if !pairs {
		if got, want := len(elements(t, after["purge"])), len(elements(t, after["get"])); got != want {
			t.Errorf("PURGE has %d fields, GET %d", got, want)
		}
	}
}

// TestCommandOurs asks for ours alone and among others, on a shared link, on a
// link of its own and in a transaction.
func TestCommandOurs(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr, nil)
		c, direct := redistest.Dial(t, addr), s.Dial(t)
		get := elements(t, direct.Do("COMMAND", "INFO", "get"))[0]
		for _, pinned := range []bool{false, true} {
			if pinned {
				c.Do("WATCH", "k")
			}
			entries := elements(t, c.Do("COMMAND", "INFO", "purge", "get", "eval", "nosuch"))
			if len(entries) != 4 || entries[1] != get || entries[2] != "$-1\r\n" || entries[3] != "$-1\r\n" {
				t.Errorf("COMMAND INFO purge get eval nosuch: %q", entries)
			}
			if f := elements(t, entries[0]); f[0] != redistest.Bulk("purge") || f[1] != ":-2\r\n" || f[2] != "*1\r\n+write\r\n" {
				t.Errorf("PURGE is %q", f)
			}
			if got := c.Do("COMMAND", "GETKEYS", "purge", "x"); got != "-ERR The command has no key arguments\r\n" {
				t.Errorf("COMMAND GETKEYS purge x: %q", got)
			}
		}
		c.Do("UNWATCH")
		// Long replies keep their place among others.
		c.Send(redistest.Command("ECHO", "a") + redistest.Command("COMMAND") + redistest.Command("COMMAND", "COUNT") + redistest.Command("ECHO", "b"))
		var got []string
		for range 4 {
			reply, err := c.Receive()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, reply)
		}
		if got[0] != redistest.Bulk("a") || len(got[1]) < 10000 || got[2][0] != ':' || got[3] != redistest.Bulk("b") {
			t.Errorf("in one piece: %.40q", got)
		}
		for _, line := range []string{"MULTI", "COMMAND COUNT", "COMMAND INFO purge", "EXEC"} {
			if a, b := c.Do(strings.Split(line, " ")...), direct.Do(strings.Split(line, " ")...); a != b {
				t.Errorf("in a transaction, %s: %q, want %q", line, a, b)
			}
		}
	})
}

// TestCommandRights: the upstream judges who may ask.
func TestCommandRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		s.Dial(t).Do("ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", "-command")
		c := redistest.Dial(t, startProxy(t, s.Addr, nil))
		if got := c.Do("AUTH", "few", "pw"); got != "+OK\r\n" {
			t.Fatalf("AUTH: %q", got)
		}
		for _, line := range []string{"COMMAND", "COMMAND COUNT", "COMMAND INFO purge", "COMMAND GETKEYS purge x"} {
			if got := c.Do(strings.Split(line, " ")...); !redistest.IsError(got, "NOPERM") {
				t.Errorf("%s: %q, want NOPERM", line, got)
			}
		}
	})
}

// TestCommandPolicy: what the configuration refuses is not offered.
func TestCommandPolicy(t *testing.T) {
	s := redistest.Start(t)
	c := redistest.Dial(t, startProxy(t, s.Addr, func(cfg *proxy.Config) {
		cfg.Deny = []string{"PURGE", "flushall", "config|set", "proxy|clients"}
		cfg.RawLua = "allow"
	}))
	names, by := named(t, c.Do("COMMAND"), false)
	for _, n := range []string{"purge", "flushall"} {
		if slices.Contains(names, n) {
			t.Errorf("%s is offered", n)
		}
	}
	if !slices.Contains(names, "eval") {
		t.Error("EVAL is allowed, but not offered")
	}
	for parent, sub := range map[string]string{"config": "config|set", "proxy": "proxy|clients"} {
		if strings.Contains(by[parent], redistest.Bulk(sub)) || !strings.Contains(by[parent], redistest.Bulk(parent+"|help")) {
			t.Errorf("%s: %q", parent, by[parent])
		}
	}
	if got := c.Do("PROXY", "CLIENTS"); !redistest.IsError(got, "DENIED") {
		t.Errorf("PROXY CLIENTS: %q", got)
	}
	if got := c.Do("PROXY", "HELP"); got[0] != '*' {
		t.Errorf("PROXY HELP: %q", got)
	}
}

// TestCommandGoRedis: a client library reads what it gets.
func TestCommandGoRedis(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr, nil)
		for _, protocol := range []int{2, 3} {
			c := redis.NewClient(&redis.Options{Addr: addr, Protocol: protocol})
			defer c.Close()
			infos, err := c.Command(t.Context()).Result()
			if err != nil {
				t.Fatalf("Command, RESP%d: %v", protocol, err)
			}
			if p := infos["purge"]; p == nil || p.Arity != -2 || !slices.Contains(p.Flags, "write") || p.ReadOnly || infos["eval"] != nil || infos["get"] == nil {
				t.Errorf("RESP%d: PURGE is %+v, EVAL %+v", protocol, p, infos["eval"])
			}
			if s.Program.Version[0] == '6' {
				continue
			}
			for filter, want := range map[redis.FilterBy][]string{
				{Pattern: "pur*"}: {"purge"}, {Module: "nosuch"}: {}, {ACLCat: "nosuch"}: {}} {
				names, err := c.CommandList(t.Context(), &filter).Result()
				if err != nil || !slices.Equal(names, want) {
					t.Errorf("CommandList %+v: %v, %v", filter, names, err)
				}
			}
		}
	})
}
