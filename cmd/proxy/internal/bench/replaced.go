package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// Series of the cases about what the proxy's commands replace: all directly at the server.
const (
	EvalSHA    = "evalsha"     // the same script, by EVALSHA
	WatchLoop  = "watch"       // WATCH, GET, MULTI … EXEC, again until it succeeds
	ScanUnlink = "scan+unlink" // a client that finds with SCAN and deletes with UNLINK
	KeysDel    = "keys+del"    // a script of KEYS and DEL
	Snapshot   = "snapshot"    // PURGE … SNAPSHOT through the proxy
	Sweep      = "sweep"       // PURGE … SWEEP through the proxy
)

// rival is a custom command of one key and the optimistic loop that does the same without scripts.
type rival struct {
	name   string
	args   []string // the command
	before []string // what goes before it in each operation; nil: nothing
	write  []string // what the loop does between MULTI and EXEC
}

// rivals: the loops know the value that they would compute, and pipeline WATCH with GET; so they are as fast as loops can be.
var rivals = []rival{
	{name: "increx", args: []string{"INCREX", keyName, "BYINT", "1", "UBOUND", "1000000000", "EX", "600"},
		write: []string{"SET", keyName, "1", "EX", "600"}},
	{name: "cl.throttle", args: []string{"CL.THROTTLE", keyName, "100000", "100000", "1"},
		write: []string{"SET", keyName, "1764000000000000", "PX", "1000"}},
	{name: "delex", before: []string{"SET", keyName, "token-1"}, args: []string{"DELEX", keyName, "IFEQ", "token-1"}, write: []string{"DEL", keyName}},
}

// registry is the catalogue of this build, whose scripts are also the proxy's.
func (l *lab) registry() (*commands.Registry, *commands.Upstream, error) {
	r, err := commands.Load(scripts.FS, commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
	if err != nil {
		return nil, nil, err
	}
	modern := !strings.HasPrefix(l.version, "6.")
	up := &commands.Upstream{Scripts: true, Shebang: modern, ACLCheck: modern, ReadOnlyEval: modern}
	return r, up, nil
}

// eval makes the EVALSHA of a custom command, and loads its script. It returns nil if this build has no such command.
func (l *lab) eval(ctx context.Context, c *control, args []string) ([]byte, error) {
	r, up, err := l.registry()
	if err != nil {
		return nil, err
	}
	custom := r.Lookup([]byte(args[0]))
	if custom == nil {
		return nil, nil
	}
	for _, text := range r.Texts(up) {
		if err := c.ScriptLoad(ctx, text.Body).Err(); err != nil {
			return nil, err
		}
	}
	var raw [][]byte
	for _, a := range args {
		raw = append(raw, []byte(a))
	}
	frame, _, refused := custom.Rewrite(nil, raw, up)
	if refused != nil {
		return nil, fmt.Errorf("%s: %s", args[0], refused.Text)
	}
	return frame, nil
}

// takes asks a target whether it has a command.
func takes(ctx context.Context, t *target, name string) bool {
	c := dialControl(t.addr)
	defer c.Close()
	list, err := c.Do(ctx, "COMMAND", "INFO", name).Slice()
	return err == nil && len(list) == 1 && list[0] != nil
}

// flows gives the three ways of a rival.
func (r rival) flows(frame []byte) (custom, eval, watch *flow) {
	// What goes before is sent along with the first step of each: it is no round trip of its own.
	first := func(replies int, rest []byte) step {
		if r.before == nil {
			return step{compileFrame(rest), replies}
		}
		return step{compileFrame(append(resp.AppendCommandStrings(nil, r.before...), rest...)), replies + 1}
	}
	one := func(steps ...step) *flow { return &flow{pipeline: 1, keys: keyCount, steps: steps} }
	custom, eval = one(first(1, resp.AppendCommandStrings(nil, r.args...))), one(first(1, frame))
	look := resp.AppendCommandStrings(resp.AppendCommandStrings(nil, "WATCH", keyName), "GET", keyName)
	watch = one(first(2, look), step{compile([]string{"MULTI"}, r.write, []string{"EXEC"}), 3})
	watch.optimistic = true
	return custom, eval, watch
}

func (r rival) testCase() testCase {
	about := strings.ReplaceAll(strings.Join(slices.Concat(r.before, r.args), " "), keyName, "key") + ", 200 clients"
	return testCase{name: "replaces-" + r.name, about: about, series: func(ctx context.Context, l *lab) ([]series, error) {
		c := dialControl(l.redis)
		defer c.Close()
		frame, err := l.eval(ctx, c, r.args)
		if err != nil {
			return nil, err
		}
		if frame == nil {
			l.note("replaces-%s is left out: this build has no such command.", r.name)
			return nil, nil
		}
		custom, eval, watch := r.flows(frame)
		var all []series
		add := func(name string, t *target, f *flow) {
			all = append(all, series{name, func(ctx context.Context, d time.Duration) (Metrics, error) {
				return closed{200, f}.measure(ctx, l, t, d)
			}})
		}
		for _, t := range l.targets {
			if t.replaces && takes(ctx, t, r.args[0]) {
				add(t.name, t, custom)
			}
		}
		add(EvalSHA, l.targets[0], eval)
		add(WatchLoop, l.targets[0], watch)
		return all, nil
	}}
}

// mix is ordinary commands with every tenth a custom one; where there are none, the script is called instead.
func mix() testCase {
	r := rivals[0]
	return testCase{name: "mix", about: "GET of 64 bytes and, for one in ten, INCREX; 50 clients. Without the proxy, EVALSHA of the same script", prepare: small,
		series: func(ctx context.Context, l *lab) ([]series, error) {
			c := dialControl(l.redis)
			defer c.Close()
			args := append([]string(nil), r.args...)
			args[1] = "n:" + keyMark // those that GET reads are no numbers
			frame, err := l.eval(ctx, c, args)
			if err != nil {
				return nil, err
			}
			if frame == nil {
				l.note("mix is left out: this build has no custom command of one key.")
				return nil, nil
			}
			var all []series
			for _, t := range l.targets {
				f := command(1, "GET", keyName)
				f.every, f.other = 10, &flow{pipeline: 1, keys: keyCount, steps: []step{{compileFrame(frame), 1}}}
				if t.replaces {
					f.other = command(1, args...)
				}
				all = append(all, series{t.name, func(ctx context.Context, d time.Duration) (Metrics, error) {
					return closed{50, f}.measure(ctx, l, t, d)
				}})
			}
			return all, nil
		}}
}

// replaced are the cases about what the proxy's own commands replace.
func replaced() []testCase {
	all := []testCase{mix()}
	for _, r := range rivals {
		all = append(all, r.testCase())
	}
	return append(all, purge(100, true), purge(1000, false))
}
