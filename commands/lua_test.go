package commands

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// stub is a keyspace in which a script runs without a server, so that what servers do seldom can be done at will: pages of
// SCAN that repeat keys, and a failure at any call.
type stub struct {
	pages  [][]string // of SCAN, all of them matches
	keys   map[string]bool
	old    bool // has no redis.acl_check_cmd
	failAt int  // the call that fails, from 1

	calls   int
	unlinks int
}

func newStub(pages ...[]string) *stub {
	s := &stub{pages: pages, keys: map[string]bool{}}
	for _, p := range pages {
		for _, k := range p {
			s.keys[k] = true
		}
	}
	return s
}

// run runs one of the catalogue's scripts and returns its integer, or its error as text.
func (s *stub) run(t *testing.T, name string, argv ...string) string {
	t.Helper()
	l := lua.NewState(lua.Options{RegistrySize: 1 << 16})
	defer l.Close()
	table := l.NewTable()
	for _, a := range argv {
		table.Append(lua.LString(a))
	}
	l.SetGlobal("ARGV", table)
	redis := l.NewTable()
	l.SetGlobal("redis", redis)
	redis.RawSetString("pcall", l.NewFunction(s.pcall))
	redis.RawSetString("error_reply", l.NewFunction(func(l *lua.LState) int { l.Push(errorTable(l, l.CheckString(1))); return 1 }))
	if !s.old {
		redis.RawSetString("acl_check_cmd", l.NewFunction(func(l *lua.LState) int { l.Push(lua.LBool(!s.fails())); return 1 }))
	}
	for _, text := range loadCatalogue(t, testSettings).Texts(nil) {
		if text.Name != name {
			continue
		}
		if err := l.DoString(text.Body); err != nil {
			t.Fatal(err)
		}
	}
	if e, ok := l.Get(-1).(*lua.LTable); ok {
		return e.RawGetString("err").String()
	}
	return l.Get(-1).String()
}

func errorTable(l *lua.LState, text string) *lua.LTable {
	e := l.NewTable()
	e.RawSetString("err", lua.LString(text))
	return e
}

func (s *stub) fails() bool {
	s.calls++
	return s.calls == s.failAt
}

func (s *stub) pcall(l *lua.LState) int {
	name := l.CheckString(1)
	if s.fails() {
		l.Push(errorTable(l, "ERR made to fail"))
		return 1
	}
	switch name {
	case "DBSIZE":
		l.Push(lua.LNumber(len(s.keys)))
	case "INFO":
		l.Push(lua.LString("maxmemory_policy:noeviction\r\n"))
	case "SCAN":
		i, _ := strconv.Atoi(l.CheckString(2))
		page, reply := l.NewTable(), l.NewTable()
		for _, k := range s.pages[i] {
			page.Append(lua.LString(k))
		}
		reply.Append(lua.LString(strconv.Itoa((i + 1) % len(s.pages))))
		reply.Append(page)
		l.Push(reply)
	case "PTTL":
		l.Push(lua.LNumber(-1))
	case "OBJECT":
		l.Push(lua.LNumber(100))
	case "GETRANGE":
		l.Push(lua.LString("v"))
	case "EXISTS", "UNLINK":
		l.Push(lua.LNumber(s.count(l, name == "UNLINK")))
	default:
		l.RaiseError("unexpected call of %s", name)
	}
	return 1
}

func (s *stub) count(l *lua.LState, remove bool) int {
	n := 0
	for i := 2; i <= l.GetTop(); i++ {
		if s.keys[l.CheckString(i)] {
			n++
			if remove {
				delete(s.keys, l.CheckString(i))
			}
		}
	}
	if remove {
		s.unlinks++
	}
	return n
}

// purgeArgv is PURGE's ARGV with this LIMIT and these conditions: IDLETIME, NOEXPIRE, IFEQ.
func purgeArgv(limit string, idle, noExpire, ifeq string) []string {
	return []string{"1", "k*", "1", limit, "0", "", idle, "50", noExpire, ifeq, "v", "100000", "10000"}
}

// TestPurgeDuplicates: SCAN may name a key again on any page. It is one key: for LIMIT, for the count, for UNLINK.
func TestPurgeDuplicates(t *testing.T) {
	a, b := []string{"k1", "k2", "k1"}, []string{"k2", "k1", "k3"}
	for _, name := range []string{"purge", "purge-dryrun"} {
		if got := newStub(a, b, nil, a).run(t, name, purgeArgv("3", "0", "0", "0")...); got != "3" {
			t.Errorf("%s: %s, want 3", name, got)
		}
		s := newStub(a, a, b)
		if got := s.run(t, name, purgeArgv("2", "0", "0", "0")...); got != "LIMIT more keys match than LIMIT allows; nothing was removed" || len(s.keys) != 3 {
			t.Errorf("%s: %s, %d keys left", name, got, len(s.keys))
		}
	}
}

// TestPurgeFailsWhole: whichever call fails, up to and including the first UNLINK, the script says so and nothing is gone. Later
// calls of UNLINK differ from the first in their keys only, which have been checked.
func TestPurgeFailsWhole(t *testing.T) {
	all := keyNames("k%d", 2500)
	for _, old := range []bool{false, true} {
		for _, tc := range []struct {
			name string
			argv []string
		}{
			{"purge", purgeArgv("2500", "0", "0", "0")},
			{"purge", purgeArgv("2500", "1", "1", "0")},
			{"purge", purgeArgv("2500", "0", "0", "1")},
			{"purge-dryrun", purgeArgv("2500", "1", "1", "0")},
		} {
			fresh := func(failAt int) *stub {
				s := newStub(slices.Collect(slices.Chunk(all, 700))...)
				s.old, s.failAt = old, failAt
				return s
			}
			good := fresh(0)
			if got := good.run(t, tc.name, tc.argv...); got != "2500" {
				t.Fatalf("%s %q: %s", tc.name, tc.argv, got)
			}
			last := good.calls - max(good.unlinks-1, 0)
			for at := 1; at <= last; at++ {
				if at > 20 && at < last-20 && at%97 != 0 {
					continue // many alike: a call or two per key
				}
				s := fresh(at)
				got := s.run(t, tc.name, tc.argv...)
				// INFO and the question for it serve an early error only.
				if early := tc.argv[6] == "1" && at <= 3 && got == "2500"; early {
					continue
				}
				if _, err := strconv.Atoi(got); err == nil || len(s.keys) != len(all) || s.unlinks != 0 {
					t.Errorf("%s %q, old %v, call %d of %d fails: %s, %d keys left", tc.name, tc.argv, old, at, last, got, len(s.keys))
				}
			}
		}
	}
}

// TestPurgeChunks: no call gets more keys than Lua can hand over, and each key is in one call.
func TestPurgeChunks(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 1001, 2000, 9999} {
		s := newStub(keyNames("k%d", n))
		if got := s.run(t, "purge", purgeArgv("10000", "0", "0", "0")...); got != fmt.Sprint(n) || len(s.keys) != 0 || s.unlinks != (n+999)/1000 {
			t.Errorf("%d keys: %s in %d calls, %d left", n, got, s.unlinks, len(s.keys))
		}
	}
}
