package vet

import (
	"fmt"
	"strings"
)

const manualHead = `# The vetter

The proxy runs no script that its vetter has a finding in: its own when it is built and tested, an operator's and an application's
when the proxy starts or reloads. ` + "`proxy vet [DIR|FILE…]`" + ` tells the findings beforehand, with file, line, column, rule, reason and
remedy (` + "`--json`" + ` for programs; exit status 1 if there are any).

It reads the script's syntax tree and follows its data along every path. It runs nothing. What it can't follow it refuses.

This page is made from the rules themselves: ` + "`proxy vet --rules`" + `.

## The shape of a script that passes

1. **Reads**, each by ` + "`redis.pcall`" + `, whose failure is returned at once.
2. **Checks**: types (a read of the key shows its type), numbers, bounds. Errors are literal texts.
3. **Permission**: if more than one write may follow, the user's right to each, for each key.
4. **Writes**. The first, by ` + "`redis.pcall`" + `, may still be refused, which changes nothing; its failure is returned. Those after it, by
   ` + "`redis.call`" + `, must be such as can't fail.

` + "```lua" + `
-- include reply.lua

local stored = redis.pcall('GET', KEYS[1])
if failed(stored) then return refused(stored, 'get') end
if stored ~= ARGV[1] then return 0 end

if redis.acl_check_cmd then
  if not redis.acl_check_cmd('PEXPIRE', KEYS[1], '1') then return denied('pexpire') end
else -- 6.x: a call that is refused for its arguments in any case, but by the ACL first
  if forbidden(redis.pcall('PEXPIRE', KEYS[1], 'x')) then return denied('pexpire') end
end

local done = redis.pcall('SET', KEYS[1], ARGV[2])
if failed(done) then return refused(done, 'set') end
redis.call('PEXPIRE', KEYS[1], '60000')
return 1
` + "```" + `

A line ` + "`-- include reply.lua`" + ` stands for the proxy's own part of that name: ` + "`reply.lua`" + ` has failed, refused, denied and forbidden,
` + "`integer.lua`" + ` has integer (text to a number that Lua holds exactly, or nil) and digits (the opposite).

A second write to another key needs more care: both keys may be the same one. Compare them first (` + "`if KEYS[1] == KEYS[2] then return …`" + `)
if the first write could change the type or the number that the second one relies on.

A harmless call, for servers before 7.0, is one that fails whatever the data are, but only after the server has asked for
rights: SET and ZADD with both NX and XX; HSET and MSET with a value missing after the first pair; any command that is
given the text ` + "`'x'`" + ` where it wants a number. Of DEL, HDEL, SREM and the like there is none: let them be the first write.

## Rules
`

// Manual returns the vetter's page of the documentation, in Markdown.
func Manual() string {
	var b strings.Builder
	b.WriteString(manualHead)
	for _, r := range rules {
		fmt.Fprintf(&b, "\n### %s\nForbids %s.\n\n*Why:* %s.\n*Remedy:* %s.\n", r.Name, r.Forbids, r.Why, r.Remedy)
	}
	reads, writes := Commands()
	fmt.Fprintf(&b, "\n## What a script may call\n\nCommands that read: %s.\n\nCommands that write: %s.\n", strings.Join(reads, ", "), strings.Join(writes, ", "))
	b.WriteString("\nSCAN is for scripts whose description says `\"keyspace\": true`. OBJECT and XINFO take ")
	fmt.Fprintf(&b, "%s and %s.\n", strings.Join(words["OBJECT"], ", "), strings.Join(words["XINFO"], ", "))
	fmt.Fprintf(&b, "\nFunctions: %s", strings.Join(baseFunctions, ", "))
	for _, library := range []string{"redis", "string", "table", "math"} {
		for _, f := range libraries[library] {
			b.WriteString(", " + library + "." + f)
		}
	}
	b.WriteString(".\n")
	return b.String()
}
