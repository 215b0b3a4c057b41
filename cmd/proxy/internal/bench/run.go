package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// Bounds of Options.
const (
	MaxRounds   = 100
	MaxDuration = time.Minute
	minDuration = 50 * time.Millisecond
)

const (
	// noiseLimit is how many processors other programs may keep busy beside a sample before it is taken again.
	noiseLimit = 0.1
	tries      = 3
	// settle is a moment after a sample in which what it began can end: connections close, freed memory goes back.
	settle = 100 * time.Millisecond
)

// Options say what to measure.
type Options struct {
	Binary   string        // this program; its children are the proxy, the relay and the storms
	Version  string        // of it, for the report
	Server   string        // path of the server; "": the redis-server that is installed
	Peers    []string      // targets beside the direct one; nil: all but the relay
	Cases    []string      // names, or patterns as "get-*" (path.Match); nil: all
	Rounds   int           // 1 to MaxRounds
	Duration time.Duration // of one measurement, from 50 ms to MaxDuration
	Loops    int           // the proxy's; 0: it chooses
	Quick    bool          // only some cases, where Cases is nil
	Log      io.Writer     // gets a line for each sample
}

// AllPeers are the names that Options.Peers may have.
var AllPeers = []string{Proxy, HAProxy, Twemproxy, Copy}

func (o *Options) check() error {
	if o.Rounds < 1 || o.Rounds > MaxRounds {
		return fmt.Errorf("the number of rounds must be between 1 and %d", MaxRounds)
	}
	if o.Duration < minDuration || o.Duration > MaxDuration {
		return fmt.Errorf("a measurement must last between %v and %v", minDuration, MaxDuration)
	}
	if o.Peers == nil {
		o.Peers = []string{Proxy, HAProxy, Twemproxy}
	}
	return nil
}

// Run measures. A case that fails on a target is a note in the report; the error is for what makes the whole run worthless:
// the server or the proxy does not start, or ctx has ended. The report has then what was measured before.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	chosen, err := choose(&o)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "atomicproxy-bench")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, opts: &o}
	defer l.close()
	// The generator's loop keeps a processor to itself; whatever else runs here must not wait for it.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(4, runtime.NumCPU())))
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	r := &runner{lab: l, control: dialControl(l.redis), failures: make(map[string]bool)}
	defer r.control.Close()
	if l.version, err = r.control.version(ctx); err != nil {
		return nil, err
	}
	r.report = newReport(l)
	for round := range o.Rounds {
		for i := range chosen {
			if err = r.do(ctx, &chosen[i], round); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
		r.report.Rounds = round + 1
	}
	r.report.Notes = unique(l.notes)
	return r.report, err
}

type runner struct {
	*lab
	control  *control
	report   *Report
	failures map[string]bool // case and series that are not tried again
}

// do measures all series of a case. They take turns in being first, since what the machine did just before is not the same
// for the first as for the others.
func (r *runner) do(ctx context.Context, c *testCase, round int) error {
	if err := r.control.FlushAll(ctx).Err(); err != nil {
		return err
	}
	all, err := c.series(ctx, r.lab)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if len(all) == 0 {
		return nil
	}
	if c.prepare != nil {
		if err := c.prepare(ctx, r.control); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for i := range all {
		s := all[(i+round)%len(all)]
		key := c.name + " " + s.name
		if r.failures[key] {
			continue
		}
		m, err := r.sample(ctx, s)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			r.failures[key] = true
			r.note("%s: %s failed: %v.", c.name, s.name, err)
			fmt.Fprintf(r.opts.Log, "%d %s %s: %v\n", round+1, c.name, s.name, err)
			if err := r.alive(); err != nil {
				return err
			}
			continue
		}
		r.report.Samples = append(r.report.Samples, Sample{c.name, s.name, round, m})
		fmt.Fprintf(r.opts.Log, "%d %s %s: %s\n", round+1, c.name, s.name, m)
	}
	return nil
}

// alive tells whether the run can go on.
func (r *runner) alive() error {
	for _, p := range r.procs {
		select {
		case <-p.exited:
			if p == r.server || p.name == Proxy {
				return fmt.Errorf("%s has ended: %s", p.name, p.said())
			}
		default:
		}
	}
	return nil
}

// sample measures, again if other programs were in the way; the last try counts as it is, and its number says so.
func (r *runner) sample(ctx context.Context, s series) (Metrics, error) {
	for try := 1; ; try++ {
		before, began := r.usage(nil), time.Now()
		m, err := s.measure(ctx, r.opts.Duration)
		if err != nil {
			return nil, err
		}
		after, lasted := r.usage(nil), time.Since(began)
		noisy := false
		if before.ok && after.ok {
			// Clocks that tick in hundredths of a second can make this less than nothing.
			others := max(0, float64(after.all-before.all-after.own+before.own)/float64(lasted))
			m[Others], noisy = others, others > noiseLimit
		}
		if err := pause(ctx, settle); err != nil {
			return nil, err
		}
		if !noisy || try == tries || r.opts.Quick {
			return m, nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// version asks the server for its own.
func (c *control) version(ctx context.Context) (string, error) {
	text, err := c.Info(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	for _, name := range []string{"valkey_version:", "redis_version:"} {
		if _, rest, ok := strings.Cut(text, name); ok {
			v, _, _ := strings.Cut(rest, "\r\n")
			return v, nil
		}
	}
	return "", errors.New("the server does not tell its version")
}

func unique(notes []string) []string {
	seen := make(map[string]bool)
	var all []string
	for _, n := range notes {
		if !seen[n] {
			seen[n] = true
			all = append(all, n)
		}
	}
	return all
}
