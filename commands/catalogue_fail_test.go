package commands

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// trial is a call that is to write all that the command can write, and the dataset for it, in the form of semantic.
type trial struct{ before, call string }

// failsWhole checks on each server that a command which fails has changed nothing, whatever it is that fails: any call of
// the script in turn, a right that the user lacks, the server that takes no writes. The rights found necessary must be those
// that the specification lists under needs. A trial should write whatever the command can write; together they should
// make all calls that its script has.
func failsWhole(t *testing.T, trials []trial) {
	eachServer(t, func(t *testing.T, s *server) {
		f := newFaults(t, s)
		needed := map[string]bool{}
		for _, ex := range trials {
			calls := f.trace(ex)
			f.eachCall(ex, calls)
			f.eachRight(ex, calls)
			f.eachKey(ex)
			if slices.ContainsFunc(calls, func(c scriptCall) bool { return c.write }) {
				f.server(ex) // what only reads, since it refuses, may do so on a server that takes no writes
			}
			for _, call := range calls {
				if call.command != "" {
					needed[call.command] = true
				}
			}
		}
		f.needs(splitWords(t, trials[0].call, time.Now())[0], needed)
	})
}

// faults runs trials on a server.
type faults struct {
	t     *testing.T
	s     *server
	admin *client
	rg    *Registry
	write map[string]bool // by command: COMMAND INFO has the flag
}

func newFaults(t *testing.T, s *server) *faults {
	rg := loadCatalogue(t, testSettings)
	return &faults{t: t, s: s, admin: s.dial(t).load(rg), rg: rg, write: map[string]bool{}}
}

// call is one use that a script makes of the server.
type scriptCall struct {
	command string // as ACL rules name it, in lower case; "": a question about rights
	errs    bool   // it is answered by an error, on purpose
	write   bool
}

// wrapper runs a script with calls that are counted, noted, and made to fail at their turn.
const wrapper = `local fail, trace = %d, {}
local redis = (function(real)
  local counted = {}
  for name, value in pairs(real) do counted[name] = value end
  local n = 0
  local function failing(note)
    n = n + 1
    trace[n] = note
    return n == fail
  end
  local function name(...)
    local command, sub = ...
    if type(sub) == 'string' and %s[string.upper(command)] then command = command .. '|' .. sub end
    return string.lower(command)
  end
  counted.pcall = function(...)
    if failing(name(...)) then return {err = '%s'} end
    local reply = real.pcall(...)
    if type(reply) == 'table' and reply.err then trace[n] = trace[n] .. ' !' end
    return reply
  end
  counted.call = function(...)
    if failing(name(...)) then error('%s') end
    return real.call(...)
  end
  if real.acl_check_cmd then
    counted.acl_check_cmd = function(...)
      if failing('?') then return false end
      return real.acl_check_cmd(...)
    end
  end
  return counted
end)(redis)
local function main()
%s
end
local reply = main()
if fail == 0 then return trace end
return reply`

const (
	madeToFail = "ERR made to fail"
	// what 6.x and later versions tell a script about rights
	oldRefusal = "ERR The user executing the script can\\'t run this command or subcommand"
	newRefusal = "ERR ACL failure in script: User u has no permissions to run the command"
)

// wrapped is the trial's call as an EVAL of its script in the wrapper.
func (f *faults) wrapped(ex trial, now time.Time, failAt int, failure string) []string {
	frame, call, err := rewrite(f.t, f.rg, &f.s.up, splitWords(f.t, ex.call, now)...)
	if err != nil {
		f.t.Fatalf("%s: %s", ex.call, err.Text)
	}
	args := parseFrame(f.t, frame)
	for _, text := range f.rg.Texts(nil) {
		if text.Name == f.scriptName(call.SHA) {
			subs := "({OBJECT=1,XINFO=1,XGROUP=1,MEMORY=1})"
			body := fmt.Sprintf(wrapper, failAt, subs, failure, failure, text.Body)
			return append([]string{"EVAL", body}, args[2:]...)
		}
	}
	f.t.Fatalf("%s calls no script", ex.call)
	return nil
}

// scriptName finds the script by the name that the server has for it.
func (f *faults) scriptName(sha string) string {
	for _, text := range f.rg.Texts(&f.s.up) {
		if text.SHA1 == sha {
			return text.Name
		}
	}
	return ""
}

// trace runs the trial and returns the calls that its script makes. After the first write there must be writes only.
func (f *faults) trace(ex trial) []scriptCall {
	f.t.Helper()
	now := f.admin.fresh(ex.before)
	reply, _ := parseReply(f.admin.do(f.wrapped(ex, now, 0, madeToFail)...) + "\r\n")
	if reply.kind != '*' || len(reply.elems) == 0 {
		f.t.Fatalf("%s: %v", ex.call, reply)
	}
	var calls []scriptCall
	wrote := false
	for _, e := range reply.elems {
		var c scriptCall
		c.command, c.errs = strings.CutSuffix(e.text, " !")
		c.command = strings.TrimPrefix(c.command, "?")
		c.write = c.command != "" && !c.errs && f.writes(c.command)
		wrote = wrote || c.write
		if wrote && !c.write {
			f.t.Errorf("%s: %q after the first write", ex.call, e.text)
		}
		calls = append(calls, c)
	}
	return calls
}

func (f *faults) writes(command string) bool {
	w, known := f.write[command]
	if !known {
		name, _, _ := strings.Cut(command, "|")
		w = strings.Contains(f.admin.do("COMMAND", "INFO", name), "+write\r\n")
		f.write[command] = w
	}
	return w
}

// unchanged runs something that must be refused: an error whose text begins so, and the dataset as it was.
func (f *faults) unchanged(ex trial, what, refusal string, run func(now time.Time) string) {
	f.t.Helper()
	now := f.admin.fresh(ex.before)
	before := f.admin.snapshot()
	got := run(now)
	if !strings.HasPrefix(got, refusal) {
		f.t.Errorf("%s | %s, %s:\n got %.300q\nwant %s...", ex.before, ex.call, what, got, refusal)
	}
	if diff := before.differs(f.admin.snapshot()); diff != "" {
		f.t.Errorf("%s | %s, %s, reply %.300q, the dataset: %s", ex.before, ex.call, what, got, diff)
	}
}

// eachCall makes each call up to and including the first write fail in turn. What fails later is made to fail in earnest, by
// the other checks.
func (f *faults) eachCall(ex trial, calls []scriptCall) {
	f.t.Helper()
	for i, call := range calls {
		for _, failure := range []string{madeToFail, oldRefusal, newRefusal} {
			if call.errs && failure == madeToFail {
				continue // a call that is only to show whether the user may
			}
			f.unchanged(ex, fmt.Sprintf("call %d (%s) of %d fails", i+1, call.command, len(calls)), "-", func(now time.Time) string {
				return f.admin.do(f.wrapped(ex, now, i+1, failure)...)
			})
		}
		if call.write {
			break
		}
	}
}

// rights are those to run scripts, and no other.
func (f *faults) rights(keys string, more ...string) []string {
	rules := append(strings.Fields(keys), "-@all", "+evalsha")
	if f.s.up.ReadOnlyEval {
		rules = append(rules, "+evalsha_ro")
	}
	return append(rules, more...)
}

// eachRight lets a user who lacks one of the commands make the call.
func (f *faults) eachRight(ex trial, calls []scriptCall) {
	f.t.Helper()
	all := map[string]bool{}
	for _, call := range calls {
		if call.command != "" {
			all[call.command] = true
		}
	}
	user := func(missing string) func(time.Time) string {
		var have []string
		for c := range all {
			if c != missing {
				have = append(have, "+"+c)
			}
		}
		c := f.s.user(f.t, f.admin, f.rights("~*", have...)...)
		return func(now time.Time) string { return c.call(splitWords(f.t, ex.call, now)...) }
	}
	for missing := range all {
		f.unchanged(ex, "without +"+missing, "-NOPERM ", user(missing))
	}
	now := f.admin.fresh(ex.before)
	if got := user("")(now); strings.HasPrefix(got, "-") {
		f.t.Errorf("%s | %s with %v: %s", ex.before, ex.call, slices.Sorted(maps.Keys(all)), got)
	}
}

// eachKey lets a user who may not use one of the keys, or only in one way, make the call.
func (f *faults) eachKey(ex trial) {
	f.t.Helper()
	frame, call, _ := rewrite(f.t, f.rg, &f.s.up, splitWords(f.t, ex.call, time.Now())...)
	args := parseFrame(f.t, frame)
	n, _ := strconv.Atoi(args[2])
	keys := args[3 : 3+n]
	for _, lacking := range keys {
		ways := []string{""}
		if f.s.up.ACLCheck {
			ways = append(ways, "%W~")
			if !call.ReadOnly {
				ways = append(ways, "%R~")
			}
		}
		for _, way := range ways {
			var may []string
			for _, k := range keys {
				switch {
				case k != lacking:
					may = append(may, "~"+k)
				case way != "":
					may = append(may, way+k)
				}
			}
			c := f.s.user(f.t, f.admin, append(may, "+@all")...)
			f.unchanged(ex, fmt.Sprintf("with the keys %q only", may), "-NOPERM ", func(now time.Time) string {
				return c.call(splitWords(f.t, ex.call, now)...)
			})
		}
	}
}

// server lets the server refuse writes: all that it can refuse for another reason than the user's rights.
func (f *faults) server(ex trial) {
	f.t.Helper()
	custom := f.rg.Lookup([]byte(splitWords(f.t, ex.call, time.Now())[0]))
	if custom.script.readOnly {
		return
	}
	run := func(now time.Time) string {
		return f.admin.call(splitWords(f.t, ex.call, now)...)
	}
	for _, how := range []struct {
		code    string
		on, off func()
		ifGrows bool
	}{
		{code: "OOM", ifGrows: true, on: func() { f.config("maxmemory", "1") }, off: func() { f.config("maxmemory", "0") }},
		{code: "NOREPLICAS", on: func() { f.config("min-replicas-to-write", "1") }, off: func() { f.config("min-replicas-to-write", "0") }},
		{code: "READONLY", on: func() { f.admin.do("REPLICAOF", "127.0.0.1", "1") }, off: func() { f.admin.do("REPLICAOF", "NO", "ONE") }},
		{code: "MISCONF", on: f.breakSaving, off: f.mendSaving},
	} {
		if how.ifGrows && !slices.Contains(custom.spec.CommandFlags, "DENYOOM") {
			continue // what only frees memory runs then
		}
		if how.code == "NOREPLICAS" && !f.s.up.Shebang {
			continue // before 7.0 servers did not look at that for scripts
		}
		f.unchanged(ex, how.code, "-"+how.code+" ", func(now time.Time) string {
			how.on()
			defer how.off()
			return run(now)
		})
	}
}

func (f *faults) config(name, value string) {
	f.t.Helper()
	if got := f.admin.do("CONFIG", "SET", name, value); got != "+OK" {
		f.t.Fatalf("CONFIG SET %s %s: %s", name, value, got)
	}
}

// breakSaving makes the server find that it can't write its file: a folder stands there.
func (f *faults) breakSaving() {
	f.t.Helper()
	os.Remove(f.dumpFile()) // of a save before
	if err := os.MkdirAll(filepath.Join(f.dumpFile(), "in-the-way"), 0o700); err != nil {
		f.t.Fatal(err)
	}
	f.config("save", "3600 100000000")
	f.admin.do("BGSAVE")
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(f.admin.do("INFO", "persistence"), "rdb_last_bgsave_status:err"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatal("the server could save all the same")
		}
	}
}

func (f *faults) mendSaving() {
	f.t.Helper()
	if err := os.RemoveAll(f.dumpFile()); err != nil {
		f.t.Fatal(err)
	}
	if got := f.admin.do("SAVE"); got != "+OK" {
		f.t.Fatalf("SAVE: %s", got)
	}
	f.config("save", "")
}

func (f *faults) dumpFile() string {
	f.t.Helper()
	dir, _ := parseReply(f.admin.do("CONFIG", "GET", "dir") + "\r\n")
	return filepath.Join(dir.elems[1].text, "dump.rdb")
}

// needs compares the rights that were found necessary with those that the specification names. An entry is a command and,
// in brackets, when it is needed; one that begins with "before 7.0" is of old servers only.
func (f *faults) needs(command string, found map[string]bool) {
	f.t.Helper()
	listed := map[string]bool{}
	for _, n := range f.rg.Lookup([]byte(command)).spec.Needs {
		name, when, _ := strings.Cut(n, " (")
		if !strings.HasPrefix(when, "before 7.0") || !f.s.up.ACLCheck {
			listed[name] = true
		}
	}
	if !maps.Equal(listed, found) {
		f.t.Errorf("%s needs %v, the specification says %v", command, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(listed)))
	}
}
