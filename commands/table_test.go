package commands

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestLookup(t *testing.T) {
	for _, tc := range []struct {
		name string
		h    Handling
		op   Op
	}{
		{"get", Share, OpNone}, {"GET", Share, OpNone}, {"gEt", Share, OpNone}, {"GEORADIUSBYMEMBER_RO", Share, OpNone},
		{"multi", Pin, OpMulti}, {"exec", Pin, OpExec}, {"discard", Pin, OpDiscard}, {"watch", Pin, OpWatch}, {"unwatch", Pin, OpUnwatch},
		{"select", Pin, OpSelect}, {"auth", Pin, OpAuth}, {"hello", Pin, OpHello}, {"reset", Pin, OpReset}, {"quit", Local, OpQuit},
		{"blpop", Block, OpNone}, {"blmovem", Block, OpNone}, {"xread", Block, OpBlockOption}, {"xreadgroup", Block, OpBlockOption},
		{"wait", Block, OpWait}, {"waitaof", Block, OpWait}, {"shutdown", Pin, OpOvertake}, {"failover", Pin, OpOvertake},
		{"subscribe", Keep, OpSubscribe}, {"sunsubscribe", Keep, OpSubscribe}, {"monitor", Keep, OpMonitor}, {"readonly", Keep, OpNone},
		{"himport", Keep, OpNone}, {"sync", Refuse, OpNone}, {"psync", Refuse, OpNone}, {"replconf", Refuse, OpNone}, {"asking", Refuse, OpNone},
		{"eval", Script, OpNone}, {"EvalSha_RO", Script, OpNone}, {"fcall", Script, OpNone}, {"post", Close, OpNone}, {"Host:", Close, OpNone},
		{"scan", Share, OpScan}, {"hscan", Share, OpScan}, {"ping", Share, OpNone}, {"publish", Share, OpNone}, {"config", Share, OpNone},
		{"client", Share, OpNone}, {"debug", Keep, OpNone},
	} {
		c := Lookup([]byte(tc.name))
		if c == nil {
			t.Errorf("%s: not on the list", tc.name)
			continue
		}
		if c.Handling != tc.h || c.Op != tc.op || c.Name != strings.ToLower(tc.name) {
			t.Errorf("%s: %s, %v, op %d; want %v, op %d", tc.name, c.Name, c.Handling, c.Op, tc.h, tc.op)
		}
	}
	for _, name := range []string{"", "ge", "gett", "get\x00", "GET ", "@et", "json.get", "purge", "host\x1a", "client|list",
		strings.Repeat("a", 24), strings.Repeat("a", 25), strings.Repeat("a", 70000)} {
		if c := Lookup([]byte(name)); c != nil {
			t.Errorf("%.30q found %s", name, c.Name)
		}
	}
}

func TestSub(t *testing.T) {
	for _, tc := range []struct {
		cmd, sub string
		h        Handling
		op       Op
	}{
		{"client", "LIST", Share, OpNone}, {"client", "SetName", Pin, OpClientSetName}, {"client", "setinfo", Pin, OpClientSetInfo},
		{"client", "id", Pin, OpClientID}, {"client", "reply", Keep, OpClientReply}, {"client", "kill", Pin, OpOvertake},
		{"client", "tracking", Keep, OpNone}, {"client", "info", Keep, OpNone}, {"client", "no-touch", Keep, OpNone},
		{"client", "maint_notifications", Refuse, OpNone}, {"client", "whatever", Keep, OpNone}, {"client", "", Keep, OpNone},
		{"client", strings.Repeat("x", 1000), Keep, OpNone}, {"client", "list\x00", Keep, OpNone},
		{"script", "load", Script, OpNone}, {"script", "EXISTS", Share, OpNone}, {"script", "kill", Pin, OpOvertake}, {"script", "new", Script, OpNone},
		{"function", "restore", Script, OpNone}, {"function", "stats", Share, OpNone}, {"function", "new", Script, OpNone},
		{"config", "set", Share, OpNone}, {"object", "freq", Share, OpNone}, {"object", "new", Keep, OpNone}, {"cluster", "syncslots", Refuse, OpNone},
		{"get", "list", Share, OpNone},
	} {
		c := Lookup([]byte(tc.cmd)).Sub([]byte(tc.sub))
		if c.Handling != tc.h || c.Op != tc.op {
			t.Errorf("%s %.20q: %v, op %d; want %v, op %d", tc.cmd, tc.sub, c.Handling, c.Op, tc.h, tc.op)
		}
	}
	if got := Lookup([]byte("client")).Sub([]byte("Maint_Notifications")).Reply; got != "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP." {
		t.Errorf("MAINT_NOTIFICATIONS: %q", got)
	}
}

// TestRefusalsSayWhy: every refusal has a text, and nothing else has one.
func TestRefusalsSayWhy(t *testing.T) {
	check := func(c *Command) {
		if refused := c.Handling == Refuse || c.Handling == Script; refused != (c.Why != "") || c.Reply != "" && c.Handling != Refuse {
			t.Errorf("%s: %v, why %q, reply %q", c.Name, c.Handling, c.Why, c.Reply)
		}
	}
	for _, c := range reviewed() {
		check(c)
		for _, s := range c.Subs {
			check(s)
		}
		if c.other != nil {
			check(c.other)
		}
	}
}

// sharedAnyway are Share although their flags or group would let one expect connection state.
var sharedAnyway = map[string]string{
	"ping":           "answers and changes nothing; what it answers to a subscriber is its pinned connection's",
	"echo":           "answers and changes nothing",
	"publish":        "speaks to subscribers, makes none",
	"spublish":       "speaks to subscribers, makes none",
	"pubsub":         "tells of channels; so do its subcommands",
	"client":         "only the bare name, an arity error: subcommands are judged one by one",
	"client|list":    "tells of all connections alike",
	"client|help":    "a text",
	"command":        "tells what the server knows; so do its subcommands",
	"restore-asking": "flagged asking, which it implies for itself only",
}

// TestListAgainstServers compares the list with COMMAND of each server. Whatever the server's own words hint at connection state,
// the list must not let share a connection, unless sharedAnyway says why.
func TestListAgainstServers(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		rdb := redis.NewClient(&redis.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1})
		defer rdb.Close()
		all, err := rdb.Do(context.Background(), "COMMAND").Slice()
		if err != nil || len(all) < 200 {
			t.Fatalf("COMMAND: %d entries, %v", len(all), err)
		}
		groups := commandGroups(t, rdb)
		for _, e := range all {
			name, signs, subs := commandEntry(t, e)
			c := Lookup([]byte(name))
			if c == nil {
				t.Errorf("%s is not on the list: review it", name)
				continue
			}
			if g := groups[name]; g == "connection" || g == "pubsub" || g == "transactions" {
				signs = append(signs, "group "+g)
			}
			checkShare(t, name, c, signs)
			for _, sub := range subs {
				full, signs, _ := commandEntry(t, sub)
				_, part, _ := strings.Cut(full, "|")
				if c.Subs == nil || c.Subs[part] == nil {
					t.Errorf("%s is not on the list: review it", full)
					continue
				}
				checkShare(t, full, c.Subs[part], signs)
			}
		}
	})
}

func checkShare(t *testing.T, name string, c *Command, signs []string) {
	t.Helper()
	container, _, _ := strings.Cut(name, "|")
	ofContainer := sharedAnyway[container] != "" && container != "client"
	if c.Handling == Share && len(signs) > 0 && sharedAnyway[name] == "" && !ofContainer {
		t.Errorf("%s is Share, but the server says %q", name, signs)
	}
}

// commandEntry reads one entry of COMMAND: the name, what in it hints at connection state, and the subcommands.
func commandEntry(t *testing.T, e any) (name string, signs []string, subs []any) {
	t.Helper()
	f, ok := e.([]any)
	if !ok || len(f) < 6 {
		t.Fatalf("COMMAND entry %v", e)
	}
	name = f[0].(string)
	for _, flag := range f[2].([]any) {
		switch flag {
		case "blocking", "pubsub", "no_auth", "asking":
			signs = append(signs, flag.(string))
		}
	}
	if len(f) > 6 {
		for _, cat := range f[6].([]any) {
			switch cat {
			case "@connection", "@transaction", "@pubsub", "@blocking":
				signs = append(signs, cat.(string))
			}
		}
	}
	if len(f) > 9 {
		subs = f[9].([]any)
	}
	return name, signs, subs
}

// commandGroups is each command's group by COMMAND DOCS, where the server has it.
func commandGroups(t *testing.T, rdb *redis.Client) map[string]string {
	t.Helper()
	groups := map[string]string{}
	docs, err := rdb.Do(context.Background(), "COMMAND", "DOCS").Slice()
	if err != nil {
		return groups // before 7.0
	}
	for i := 0; i+1 < len(docs); i += 2 {
		doc := docs[i+1].([]any)
		for j := 0; j+1 < len(doc); j += 2 {
			if doc[j] == "group" {
				groups[docs[i].(string)] = doc[j+1].(string)
			}
		}
	}
	return groups
}
