package control

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
	"github.com/atomicproxy/atomicproxy/scripts"
)

func registry(t *testing.T) *commands.Registry {
	t.Helper()
	r, err := commands.Load(scripts.FS, commands.Settings{PurgeMaxScan: 1000, PurgeLimit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// plane starts a plane that ends with the test, and gives each of its states to the channel.
func plane(t *testing.T, o Options) (*Plane, <-chan *State) {
	t.Helper()
	states := make(chan *State, 1000)
	o.Registry, o.Log = registry(t), slog.New(slog.DiscardHandler)
	o.OnChange = func(s *State) { states <- s }
	if o.Interval == 0 {
		o.Interval = 20 * time.Millisecond
	}
	p := New(o)
	t.Cleanup(p.Close)
	p.Start(context.Background())
	return p, states
}

// await returns the first state that is as wanted.
func await(t *testing.T, states <-chan *State, what string, want func(*State) bool) *State {
	t.Helper()
	deadline := time.After(20 * time.Second)
	var last *State
	for {
		select {
		case last = <-states:
			if want(last) {
				return last
			}
		case <-deadline:
			t.Fatalf("no state that is %s; the last was %+v", what, last)
		}
	}
}

func connected(s *State) bool { return s.Connected }

func credentials(user, password string) func() (string, string) {
	return func() (string, string) { return user, password }
}

// loaded fails unless the whole catalogue is in the server's cache.
func loaded(t *testing.T, c *redistest.Client, p *Plane, want bool) {
	t.Helper()
	for _, text := range p.State().Registry.Texts(&p.State().Upstream) {
		got := c.Do("SCRIPT", "EXISTS", text.SHA1)
		if (got == "*1\r\n:1\r\n") != want {
			t.Errorf("%s: SCRIPT EXISTS %q, want %v", text.Name, got, want)
		}
	}
}

func TestFindsOut(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		p, states := plane(t, Options{Addr: s.Addr})
		st := await(t, states, "connected", connected)
		if st.AuthRequired || st.ClientsMustAuth || len(st.RunID) != 40 || st.Version != s.Version || st.Reason != "" {
			t.Errorf("%+v, want version %s", st, s.Version)
		}
		c := s.Dial(t)
		new := strings.HasPrefix(c.Do("EVALSHA_RO", strings.Repeat("0", 40), "0"), "-NOSCRIPT")
		native := st.Registry.Native(func(probe commands.Probe) bool {
			if probe.Token != "" {
				return strings.Contains(c.Do("COMMAND", "DOCS", probe.Command), redistest.Bulk("token")+redistest.Bulk(probe.Token))
			}
			return strings.Contains(c.Do("COMMAND", "INFO", probe.Command), redistest.Bulk(probe.Command))
		})
		if want := (commands.Upstream{Scripts: true, Shebang: new, ACLCheck: new, ReadOnlyEval: new, Native: native}); st.Upstream != want {
			t.Errorf("%+v, want %+v", st.Upstream, want)
		}
		if want := c.Do("nosuch")[len("-ERR unknown command ")]; st.UnknownQuote != want {
			t.Errorf("quote %c, want %c", st.UnknownQuote, want)
		}
		checkCommands(t, st.Commands, new)
		loaded(t, c, p, true)
	})
}

func checkCommands(t *testing.T, m map[string]Info, subs bool) {
	t.Helper()
	for name, want := range map[string]Info{
		"get":       {Arity: 2, ReadOnly: true},
		"set":       {Arity: -3, Write: true},
		"blpop":     {Arity: -3, Write: true, Blocking: true},
		"eval":      {Arity: -3, Scripting: true},
		"subscribe": {Arity: -2, PubSub: true},
		"shutdown":  {Arity: -1, Admin: true},
	} {
		got := m[name]
		if got.Subs = nil; got.Arity != want.Arity || got.Write != want.Write || got.Blocking != want.Blocking || got.Scripting != want.Scripting ||
			got.PubSub != want.PubSub || got.Admin != want.Admin || want.ReadOnly && !got.ReadOnly {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if kill, ok := m["client"].Subs["kill"]; ok != subs || ok && (!kill.Admin || kill.Arity != -3) {
		t.Errorf("client|kill: %+v, %v", kill, ok)
	}
	if subs && !m["hello"].NoAuth {
		t.Error("hello: NoAuth is not set")
	}
}

// TestMiniredis: it claims 8.4.0 and has neither shebang nor acl_check_cmd, and answers COMMAND INFO with its whole table.
func TestMiniredis(t *testing.T) {
	s := redistest.Miniredis(t)
	p, states := plane(t, Options{Addr: s.Addr})
	st := await(t, states, "connected", connected)
	if want := (commands.Upstream{Scripts: true}); st.Upstream != want {
		t.Errorf("%+v, want %+v", st.Upstream, want)
	}
	if len(st.Commands) < 100 {
		t.Errorf("%d commands", len(st.Commands))
	}
	loaded(t, s.Dial(t), p, true)
}

// leastRights makes the user of which the documentation says that it is enough.
func leastRights(t *testing.T, c *redistest.Client, rules ...string) {
	t.Helper()
	if len(rules) == 0 {
		rules = []string{"+script|load", "+script|exists", "+ping", "+info", "+command", "+hello"}
	}
	args := append([]string{"ACL", "SETUSER", "ctl", "reset", "on", ">secret", "-@all"}, rules...)
	if got := c.Do(args...); got != "+OK\r\n" {
		t.Fatalf("%q: %s", args, got)
	}
	if got := c.Do("ACL", "SETUSER", "ctl", "+client|setinfo"); got != "+OK\r\n" { // 7.0 has it not
		c.Do("ACL", "SETUSER", "ctl", "+client")
	}
}

func TestLeastRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		c := s.Dial(t)
		leastRights(t, c)
		c.Do("CONFIG", "SET", "requirepass", "other")
		p, states := plane(t, Options{Addr: s.Addr, Credentials: credentials("ctl", "secret")})
		st := await(t, states, "connected", connected)
		if !st.Upstream.Scripts || st.Upstream.ACLCheck != st.Upstream.Shebang || st.AuthRequired || !st.ClientsMustAuth {
			t.Errorf("%+v", st)
		}
		if st.RunID == "" || st.Commands == nil {
			t.Errorf("run id %q, %d commands", st.RunID, len(st.Commands))
		}
		loaded(t, c, p, true)
	})
}

// TestLessRights: without the right to load, the reason is told; what somebody else loaded serves as well.
func TestLessRights(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		c := s.Dial(t)
		leastRights(t, c, "+script|exists", "+ping")
		o := Options{Addr: s.Addr, Credentials: credentials("ctl", "secret")}
		p, states := plane(t, o)
		st := await(t, states, "connected", connected)
		if st.Upstream.Scripts || st.Upstream.Reason != "the proxy's own user may not run SCRIPT LOAD on the upstream" {
			t.Errorf("%+v", st.Upstream)
		}
		if st.Commands != nil || st.RunID != "" || st.ClientsMustAuth {
			t.Errorf("%+v", st)
		}
		done := make(chan error, 1)
		p.LoadScripts(func(err error) { done <- err })
		if err := <-done; err == nil {
			t.Error("LoadScripts reports success")
		}
		_, other := plane(t, Options{Addr: s.Addr})
		up := await(t, other, "connected", connected).Upstream
		p.LoadScripts(func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Errorf("LoadScripts: %v", err)
		}
		if got := p.State().Upstream; !got.Scripts || got.Shebang != up.Shebang {
			t.Errorf("%+v, want as %+v", got, up)
		}
		await(t, states, "loaded by others", func(s *State) bool { return s.Upstream.Scripts })
	})
}

// TestAuthentication: no user, a wrong one, a right one, one whose password was changed.
func TestAuthentication(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		admin := s.Dial(t)
		admin.Do("CONFIG", "SET", "requirepass", "one")
		admin.Do("AUTH", "one")
		_, none := plane(t, Options{Addr: s.Addr})
		st := await(t, none, "connected", connected)
		if !st.AuthRequired || !st.ClientsMustAuth || st.Upstream.Scripts || !strings.Contains(st.Upstream.Reason, "authentication") {
			t.Errorf("no user: %+v", st)
		}
		if want := admin.Do("nosuch")[len("-ERR unknown command ")]; st.UnknownQuote != want {
			t.Errorf("quote %c, want %c", st.UnknownQuote, want)
		}

		var mu sync.Mutex
		password := "two"
		_, states := plane(t, Options{Addr: s.Addr, Credentials: func() (string, string) {
			mu.Lock()
			defer mu.Unlock()
			return "", password
		}})
		await(t, states, "not accepted", func(s *State) bool { return s.Connected && s.AuthRequired && !s.Upstream.Scripts })
		mu.Lock()
		password = "one"
		mu.Unlock()
		await(t, states, "accepted", func(s *State) bool { return !s.AuthRequired && s.Upstream.Scripts && s.ClientsMustAuth })
		admin.Do("CONFIG", "SET", "requirepass", "")
		await(t, none, "open to all", func(s *State) bool { return !s.AuthRequired && s.Upstream.Scripts && !s.ClientsMustAuth })
	})
}

// TestComesAndGoes: the upstream is away at the start, comes, is replaced by another process.
func TestComesAndGoes(t *testing.T) {
	s := redistest.Start(t)
	s.Stop()
	p, states := plane(t, Options{Addr: s.Addr})
	done := make(chan error, 1)
	p.LoadScripts(func(err error) { done <- err })
	if err := <-done; err == nil {
		t.Error("LoadScripts succeeds with nobody")
	}
	if st := p.State(); st.Connected || st.Reason == "" || st.Upstream.Scripts || st.Upstream.Reason == "" {
		t.Errorf("%+v", st)
	}
	s.Restart(t)
	first := await(t, states, "connected", connected)
	s.Kill()
	await(t, states, "gone", func(s *State) bool { return !s.Connected && s.Reason != "" && !s.Upstream.Scripts })
	s.Restart(t)
	second := await(t, states, "connected", connected)
	if first.RunID == second.RunID || !second.Upstream.Scripts {
		t.Errorf("run ids %s and %s, %+v", first.RunID, second.RunID, second.Upstream)
	}
	loaded(t, s.Dial(t), p, true)
}

// TestRestartBetweenLooks: a process that was replaced between two looks is noticed, although the address answers again.
func TestRestartBetweenLooks(t *testing.T) {
	s := redistest.Start(t)
	p, states := plane(t, Options{Addr: s.Addr, Interval: time.Second})
	first := await(t, states, "connected", connected)
	s.Kill()
	s.Restart(t)
	second := await(t, states, "connected anew", func(st *State) bool { return st.Connected && st.RunID != first.RunID })
	if !second.Upstream.Scripts {
		t.Errorf("%+v", second.Upstream)
	}
	loaded(t, s.Dial(t), p, true)
}

// TestLoadScripts: many who ask at once are served by few runs, each after its question.
func TestLoadScripts(t *testing.T) {
	s := redistest.Start(t)
	p, states := plane(t, Options{Addr: s.Addr, Interval: time.Hour})
	await(t, states, "connected", connected)
	c := s.Dial(t)
	for range 20 {
		c.Do("SCRIPT", "FLUSH")
		c.Do("CONFIG", "RESETSTAT")
		done := make(chan error, 100)
		for range cap(done) {
			go p.LoadScripts(func(err error) { done <- err })
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		loaded(t, c, p, true)
		_, stats, _ := strings.Cut(c.Do("INFO", "commandstats"), "cmdstat_script|load:calls=")
		loads, err := strconv.Atoi(stats[:max(strings.IndexByte(stats, ','), 0)])
		if runs := loads / len(p.State().Registry.Texts(nil)); err != nil || runs < 1 || runs > 20 {
			t.Errorf("100 calls were served by %d runs (%v)", runs, err)
		}
	}
	p.Close()
	done := make(chan error, 1)
	p.LoadScripts(func(err error) { done <- err })
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestNothingStays: a plane that was closed leaves no goroutine and no connection behind.
func TestNothingStays(t *testing.T) {
	s := redistest.Start(t)
	c := s.Dial(t)
	before := runtime.NumGoroutine()
	for range 5 {
		p, states := plane(t, Options{Addr: s.Addr, Credentials: credentials("", "")})
		await(t, states, "connected", connected)
		p.Close()
		p.Close()
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		clients := strings.Count(c.Do("CLIENT", "LIST"), "addr=") - strings.Count(c.Do("CLIENT", "LIST"), "laddr=")
		now := runtime.NumGoroutine()
		if clients <= 1 && now <= before {
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d clients, %d goroutines where there were %d\n%s", clients, now, before, buf[:runtime.Stack(buf, true)])
		}
	}
}
