package vet

import "slices"

// RuleInfo says what a rule is for.
type RuleInfo struct {
	Name    string `json:"name"`
	Forbids string `json:"forbids"`
	Why     string `json:"why"`
	Remedy  string `json:"remedy"`
}

// Rules returns every rule, in the order in which a reader learns them best.
func Rules() []RuleInfo {
	list := make([]RuleInfo, len(rules))
	for i, r := range rules {
		list[i] = *r
	}
	return slices.Clip(list)
}

var (
	ruleSyntax = &RuleInfo{"syntax",
		"text that is not Lua 5.1, control characters, labels and goto",
		"a server would refuse it, or read it in another way than the vetter",
		"write plain Lua 5.1"}
	ruleCommandName = &RuleInfo{"command-name",
		"a command whose name is not a string literal in the call itself",
		"a name that is computed can become any command",
		"write the name where it is called: redis.call('GET', key)"}
	ruleCommandList = &RuleInfo{"command-list",
		"commands that are not on the list for scripts, and options of commands that it does not know",
		"what a command does to data, time and rights must be known for it to be judged",
		"use a command of docs/vetter.md's list"}
	ruleKeyOrigin = &RuleInfo{"key-origin",
		"keys that come neither from KEYS nor, in a script that is declared to scan, from SCAN",
		"rights are checked and commands routed by the keys that are declared",
		"pass the key in KEYS"}
	ruleLoopBound = &RuleInfo{"loop-bound",
		"while, and repeat and for without a bound that is known before the loop begins",
		"a script blocks the whole server for as long as it runs",
		"loop from 1 to a constant, #KEYS, #ARGV, a declared number, or the length of a reply that had a LIMIT or COUNT"}
	ruleLateFailure = &RuleInfo{"late-failure",
		"whatever may fail after the first write: reads, checks, errors, a write whose key's type or whose numbers were not checked, arithmetic on what may be no number",
		"Lua rolls nothing back: a failure there leaves half of the work done",
		"read and check everything before the first write"}
	rulePermission = &RuleInfo{"permission",
		"a second write whose permission was not checked, for its keys, before the first one",
		"a user who may do only the first half would do only that",
		"check each write with redis.acl_check_cmd before the first, and before 7.0 with a call that is harmless (see docs/vetter.md)"}
	ruleHiddenFailure = &RuleInfo{"hidden-failure",
		"going on after a redis.pcall that failed, as if it had not",
		"a wrong type or a missing right would look like an answer",
		"return the failed reply: if failed(reply) then return refused(reply, 'name') end"}
	ruleReadOnlyWrites = &RuleInfo{"readonly-writes",
		"a write command in a script that is declared READONLY",
		"it would fail on each server that takes the declaration at its word, and run on replicas elsewhere",
		"declare WRITE, or leave the write out"}
	ruleGlobals = &RuleInfo{"globals",
		"assigning to a global, or reading one that is not on the list",
		"a global outlives the script on old servers, and is an error on others",
		"declare it with local"}
	ruleForbiddenFunction = &RuleInfo{"forbidden-function",
		"functions that reach out of the script, change how it runs or replicates, or raise or hide errors",
		"they undo what the vetter proves",
		"do without; docs/vetter.md lists what may be called"}
	ruleDynamicCode = &RuleInfo{"dynamic-code",
		"load, loadstring, loadfile, dofile, require, string.dump",
		"code made of strings can't be vetted",
		"write the code out"}
	ruleAlias = &RuleInfo{"alias",
		"another name for redis, KEYS, ARGV, a library or its function; indexing them by an expression; shadowing or assigning them, or a local function",
		"a call must be seen for what it is by whoever reads it",
		"use them by their own names, called where they stand"}
	ruleErrorText = &RuleInfo{"error-text",
		"bytes of an argument, of a key or of the data in the text of an error or of a status reply, and other characters than printable ASCII in a status",
		"servers without the fix of CVE-2025-67733 send CR and LF in it as they are: a client could forge the next reply, on a shared connection somebody else's",
		"use literal texts only; hand data over as a bulk string"}
	ruleRecursion = &RuleInfo{"recursion",
		"a local function that calls itself, directly or by others",
		"it is a loop without a bound",
		"use a for loop with a bound"}
	ruleUnpackBound = &RuleInfo{"unpack-bound",
		"unpack of more than 7,000 elements, or of an unknown number",
		"Lua can hand over less than 8,000 values; beyond it the call fails, perhaps only on the day that there is more data",
		"unpack in chunks: unpack(t, i, math.min(i + 999, #t)) in a loop with step 1000"}
	rulePattern = &RuleInfo{"pattern",
		"string.find, match, gmatch, gsub, format and rep whose pattern, replacement, format or count is not a literal, and patterns with more than two unbounded repeats",
		"a pattern from data can take time without bound or fail, a count from data memory without bound",
		"write the pattern as a literal"}
	ruleUnprovable = &RuleInfo{"unprovable",
		"what the vetter can't follow: varargs, functions as values, method calls, too deep or too large a script, a value of an unknown kind where it matters",
		"what can't be shown to be safe is not taken for safe",
		"write it more plainly"}
)

var rules = []*RuleInfo{ruleSyntax, ruleCommandName, ruleCommandList, ruleKeyOrigin, ruleLoopBound, ruleLateFailure, rulePermission,
	ruleHiddenFailure, ruleReadOnlyWrites, ruleErrorText, ruleUnpackBound, rulePattern, ruleGlobals, ruleAlias,
	ruleForbiddenFunction, ruleDynamicCode, ruleRecursion, ruleUnprovable}
