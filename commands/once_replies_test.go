package commands

import (
	"testing"
	"testing/fstest"
)

// onceKinds is a command that counts its calls and answers in many ways.
const onceKinds = `-- include reply.lua
local done = redis.pcall('INCR', KEYS[1])
if failed(done) then return refused(done, 'incr') end
if ARGV[1] == 'half' then return 3.7 end
if ARGV[1] == 'minus' then return -3.7 end
if ARGV[1] == 'zero' then return -0.5 end
if ARGV[1] == 'far' then return 9007199254740992 * 512 end
if ARGV[1] == 'true' then return true end
if ARGV[1] == 'false' then return false end
if ARGV[1] == 'nothing' then return end
if ARGV[1] == 'status' then return redis.status_reply('ALL IS WELL ~') end
if ARGV[1] == 'list' then return {1, 'two', true, redis.status_reply('OK'), false, 'a\r\n;'} end
if ARGV[1] == 'nested' then return {1, {2}} end
if ARGV[1] == 'double' then return {double = 1.5} end
return done
`

const onceKindsJSON = `{"KINDS": {"summary": "Answers.", "complexity": "O(1)", "group": "generic", "since": "1.0.0", "arity": 3,
	"command_flags": ["WRITE", "DENYOOM"], "acl_categories": ["STRING"], "bound": "One key.", "retry": "U", "requires": "6.0.0", "needs": ["incr"],
	"key_specs": [{"flags": ["RW", "UPDATE"], "begin_search": {"index": {"pos": 1}}, "find_keys": {"range": {"lastkey": 0, "step": 1, "limit": 0}}}],
	"arguments": [{"name": "key", "type": "key"}, {"name": "kind", "type": "string"}], "reply_schema": {"description": "Anything."}}}`

// TestOnceReplies: every kind of reply that a custom command may have is given again as it was, or it is said that it can't.
func TestOnceReplies(t *testing.T) {
	files := builtinCopy(t)
	files["kinds.lua"], files["kinds.json"] = &fstest.MapFile{Data: []byte(onceKinds)}, &fstest.MapFile{Data: []byte(onceKindsJSON)}
	rg, err := Load(files, testSettings)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rg.findings(func(name string) bool { return name == "kinds" }) {
		t.Error(f)
	}
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(rg)
		for _, kind := range []string{"half", "minus", "zero", "far", "true", "false", "nothing", "status", "list", "count", "nested", "double"} {
			c.do("FLUSHALL")
			want := c.call("KINDS", "k", kind)
			c.do("FLUSHALL")
			for i := range 3 {
				if i == 1 && (kind == "nested" || kind == "double") {
					want = "-ERR the command was executed, and its reply is of a kind that ONCE can not give again"
				}
				if got := c.once(2, "t", []string{"KINDS", "k", kind}); got != want {
					t.Errorf("%s: %q, want %q", kind, got, want)
				}
			}
			if n := c.do("GET", "k"); n != "$1\r\n1" {
				t.Errorf("%s: it ran more than once: %q", kind, n)
			}
		}
	})
}
