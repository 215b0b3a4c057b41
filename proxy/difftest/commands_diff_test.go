package difftest

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// duel plays variants to a server, and through the proxy to an equal one.
type duel struct {
	server          string // its name
	program         redistest.Program
	direct, proxied side
	// Both servers, without the proxy: for what they hold.
	directly, behind *redistest.Client
	behindAddr       string
	allowed          allowances
	skipped          map[string]string
	protocol         int

	full        string // the digest of the dataset
	played, fit int    // variants; those that the server took
	taken       map[string]bool
	reported    map[string]int
	seq         int
}

var only = flag.String("command", "", "play only this command of the differential test, as client|list")

// seed decides on all generated arguments.
const seed = 1

// stateful commands change the connection: the next variant gets a new one.
var stateful = map[string]bool{"auth": true, "hello": true, "select": true, "reset": true, "client": true,
	"subscribe": true, "psubscribe": true, "ssubscribe": true, "readonly": true, "readwrite": true, "asking": true}

// fresh commands ask about what the connection did before, which may have been on several upstream connections.
var fresh = map[string]bool{"wait": true, "waitaof": true}

func newDuel(t *testing.T, s *redistest.Server, through func(t *testing.T, upstream string) string) *duel {
	t.Helper()
	other := s.Another(t, serverArgs(s.Program)...)
	d := &duel{server: s.Name, program: s.Program, behindAddr: other.Addr, protocol: 2, taken: map[string]bool{}, reported: map[string]int{},
		direct: side{addr: s.Addr}, proxied: side{addr: through(t, other.Addr)},
		directly: s.Dial(t), behind: other.Dial(t), allowed: readAllowances(t), skipped: readSkips(t)}
	d.refill(t)
	return d
}

// serverArgs open DEBUG, for DEBUG DIGEST, switch off logs that depend on the machine's speed, and have a server look at
// its clock often: what blocks for 10 ms should not take 100.
func serverArgs(p redistest.Program) []string {
	args := []string{"--slowlog-log-slower-than", "-1", "--hz", "100"}
	if p.AtLeast("7") {
		args = append(args, "--enable-debug-command", "local")
	}
	return args
}

func (d *duel) refill(t *testing.T) {
	t.Helper()
	fill(t, d.directly)
	fill(t, d.behind)
	d.full = d.directly.Do("DEBUG", "DIGEST")
	if other := d.behind.Do("DEBUG", "DIGEST"); d.full != other || d.full[0] != '+' {
		t.Fatalf("after filling, the digests are %q and %q", d.full, other)
	}
}

// unequal are commands after which two equal servers hold something else.
var unequal = map[string]string{
	"xadd": "an id from the clock", "spop": "a random element", "acl": "passwords", "xreadgroup": "delivery times",
	"lolwut": "random",
}

// play plays one variant on both sides and reports a difference.
func (d *duel) play(t *testing.T, c command, v variant) {
	t.Helper()
	d.seq++
	d.played++
	nonce := fmt.Sprintf("nonce-%d-%d", d.protocol, d.seq)
	if fresh[c.name] {
		d.direct.hangUp()
		d.proxied.hangUp()
	}
	d.direct.hello(t, d.protocol)
	d.proxied.hello(t, d.protocol)
	wire := redistest.Command(v.args...)
	want := d.direct.play(t, wire, nonce)
	got := d.proxied.play(t, wire, nonce)
	d.compare(t, c, v, want, got)
	if stateful[c.words()[0]] || want.end != "" || got.end != "" {
		d.direct.hangUp()
		d.proxied.hangUp()
	}
	if len(want.replies) > 0 && !parseOne(want.replies[0]).isError() {
		d.fit++
		d.taken[c.name] = true
	}
}

func (d *duel) compare(t *testing.T, c command, v variant, want, got answer) {
	t.Helper()
	if difference := d.difference(c.name, v.args, want, got); difference != "" {
		d.report(t, c.name, "RESP%d %s (%s): %s", d.protocol, short(v.args), v.kind, difference)
	}
	one, other := d.digests()
	if one != other && unequal[c.words()[0]] == "" && !d.mayDiffer(c.name, got) {
		d.report(t, c.name, "RESP%d %s (%s): the servers hold different data afterwards", d.protocol, short(v.args), v.kind)
		time.Sleep(50 * time.Millisecond)
		t.Log(d.full, d.directly.Do("DEBUG", "DIGEST"), d.behind.Do("DEBUG", "DIGEST"))
	}
	if one != d.full || other != d.full {
		d.refill(t)
	}
}

// digests are of what the two servers hold. What expires within milliseconds goes from one before it goes from the
// other, so a difference counts only if it stays.
func (d *duel) digests() (one, other string) {
	for range 5 {
		one, other = d.directly.Do("DEBUG", "DIGEST"), d.behind.Do("DEBUG", "DIGEST")
		if one == other {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return one, other
}

// mostReports bounds what is told of one command: what is wrong with it tends to be wrong in every form.
const mostReports = 3

func (d *duel) report(t *testing.T, name, format string, args ...any) {
	t.Helper()
	d.reported[name]++
	if d.reported[name] <= mostReports {
		t.Errorf(format, args...)
	}
}

// mayDiffer reports whether the proxy's answer is one that stands on the list: then the command had not its effect.
func (d *duel) mayDiffer(name string, got answer) bool {
	return len(got.replies) == 1 && d.allowed.allow(d.server, name, got.replies[0])
}

// difference tells how the proxy's answer differs, "" if it doesn't or may.
func (d *duel) difference(name string, args []string, want, got answer) string {
	one, other := normalAnswer(name, args, want), normalAnswer(name, args, got)
	if one == other || d.mayDiffer(name, got) {
		return ""
	}
	return firstDifference(one, other)
}

// firstDifference shows where two texts part.
func firstDifference(direct, proxied string) string {
	i := 0
	for i < len(direct) && i < len(proxied) && direct[i] == proxied[i] {
		i++
	}
	from := max(0, i-60)
	return fmt.Sprintf("differs at byte %d:\n direct  …%.250s\n proxied …%.250s", i, direct[from:], proxied[from:])
}

func normalAnswer(name string, args []string, a answer) string {
	var b strings.Builder
	for _, r := range a.replies {
		fmt.Fprintf(&b, "%q ", normalise(name, args, r))
	}
	return b.String() + a.end
}

func short(args []string) string { return fmt.Sprintf("%.200q", args) }

// commandsOf lists what a server has, less what is skipped.
func (d *duel) commandsOf(t *testing.T) []command {
	t.Helper()
	docs := map[string]command{}
	if !strings.HasPrefix(d.server, "redis-server") {
		docs = readDocs(t, redistest.Start(t).Dial(t))
	}
	var all []command
	for _, c := range readCommands(t, d.directly, docs) {
		if d.skipped[c.name] == "" && d.skipped[c.words()[0]] == "" && (*only == "" || *only == c.name) {
			all = append(all, c)
		}
	}
	return all
}

// TestDifferentialCommands plays every command that the server lists, in right and wrong forms, in both protocols.
func TestDifferentialCommands(t *testing.T) {
	for _, p := range redistest.Programs(t) {
		t.Run(p.Name, func(t *testing.T) {
			s := redistest.StartProgram(t, p, serverArgs(p)...)
			newDuel(t, s, startProxy).everyCommand(t)
		})
	}
}

func (d *duel) everyCommand(t *testing.T) {
	commands := d.commandsOf(t)
	for _, protocol := range []int{2, 3} {
		d.protocol = protocol
		d.direct.hangUp()
		d.proxied.hangUp()
		for _, c := range commands {
			all := variants(c, seed)
			if protocol == 3 {
				all = all[:min(len(all), 5)] // what protocol 3 changes is the form of good replies
			}
			for _, v := range all {
				d.play(t, c, v)
			}
		}
	}
	t.Logf("%d commands, %d variants played, %d of them taken by the server", len(commands), d.played, d.fit)
	var never []string
	for _, c := range commands {
		if !d.taken[c.name] {
			never = append(never, c.name)
		}
	}
	t.Logf("never taken: %v", never)
	if most := len(commands) / 4; len(never) > most {
		t.Errorf("%d of %d commands were never called rightly: the generator is no good", len(never), len(commands))
	}
}
