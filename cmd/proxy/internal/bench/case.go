package bench

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// load is something that can be done to any target.
type load interface {
	measure(ctx context.Context, l *lab, t *target, d time.Duration) (Metrics, error)
}

// testCase is what is compared: each of its series is one way to do it.
type testCase struct {
	name    string
	about   string                                        // for the report; "" where the name says it
	prepare func(context.Context, *control) error         // fills the server, which is empty
	series  func(context.Context, *lab) ([]series, error) // none: this machine can't
	quick   bool                                          // is part of the short form
}

// series is one way to do what the case is about, and how to measure it.
type series struct {
	name    string
	measure func(ctx context.Context, d time.Duration) (Metrics, error)
}

// control is a connection to the server itself, for what is not measured.
type control struct{ *redis.Client }

// onTargets measures ld on each target that can do it.
func onTargets(ld load, needs ability) func(context.Context, *lab) ([]series, error) {
	return func(_ context.Context, l *lab) ([]series, error) {
		var all []series
		for _, t := range l.targets {
			if t.has(needs) && (needs&canTLS == 0 || t.tlsAddr != "") {
				all = append(all, series{t.name, func(ctx context.Context, d time.Duration) (Metrics, error) { return ld.measure(ctx, l, t, d) }})
			}
		}
		return all, nil
	}
}

// small fills the server with the keys that most cases use.
func small(ctx context.Context, c *control) error { return c.fill(ctx, keyCount, 64) }

func large(keys, size int) func(context.Context, *control) error {
	return func(ctx context.Context, c *control) error { return c.fill(ctx, keys, size) }
}

// keyName has a place for a key's number.
const keyName = "bench:" + keyMark

// fill writes keys 0 to n-1, values of so many bytes.
func (c *control) fill(ctx context.Context, n, size int) error {
	value := strings.Repeat("v", size)
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range n {
			p.Set(ctx, fmt.Sprintf("bench:%0*d", keyDigits, i), value, 0)
		}
		return nil
	})
	return err
}

// cases are all, in the order of the report.
func cases() []testCase {
	all := grid()
	all = append(all, values()...)
	all = append(all, shapes()...)
	all = append(all, quiet()...)
	return append(all, replaced()...)
}

// grid is GET and SET of 64 bytes by the number of clients and the length of their pipelines.
func grid() []testCase {
	var all []testCase
	for _, clients := range []int{1, 50, 200, 1000} {
		for _, pipeline := range []int{1, 16} {
			for _, name := range []string{"get", "set"} {
				f := command(pipeline, "GET", keyName)
				if name == "set" {
					f = command(pipeline, "SET", keyName, strings.Repeat("w", 64))
				}
				all = append(all, testCase{name: fmt.Sprintf("%s-c%d-p%d", name, clients, pipeline), prepare: small,
					about:  fmt.Sprintf("%s of 64 bytes, %s, pipeline of %d", strings.ToUpper(name), plural(clients, "client"), pipeline),
					series: onTargets(closed{clients, f}, 0), quick: name == "get" && clients == 50})
			}
		}
	}
	return all
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// values is the same with larger ones. Fewer keys hold them, since the server's memory is not what is measured.
func values() []testCase {
	var all []testCase
	for _, v := range []struct {
		name, about         string
		size, keys, clients int
	}{{"16k", "16 KiB", 16 << 10, 1000, 50}, {"1m", "1 MiB", 1 << 20, 16, 10}} {
		get, set := command(1, "GET", keyName), command(1, "SET", keyName, strings.Repeat("w", v.size))
		get.keys, set.keys = v.keys, v.keys
		for _, x := range []struct {
			name string
			f    *flow
		}{{"get", get}, {"set", set}} {
			all = append(all, testCase{name: x.name + "-" + v.name, prepare: large(v.keys, v.size),
				about:  fmt.Sprintf("%s of %s, %s", strings.ToUpper(x.name), v.about, plural(v.clients, "client")),
				series: onTargets(closed{v.clients, x.f}, 0)})
		}
	}
	return all
}

// shapes are other than one key, one reply.
func shapes() []testCase {
	mget := make([]string, 101)
	mget[0] = "MGET"
	for i := range 100 {
		mget[i+1] = keyName
	}
	many := command(1, mget...)
	many.steps[0].spread = true
	tx := &flow{pipeline: 1, keys: keyCount, steps: []step{{compile([]string{"MULTI"}, []string{"SET", keyName, strings.Repeat("w", 64)},
		[]string{"GET", keyName}, []string{"PEXPIRE", keyName, "600000"}, []string{"EXEC"}), 5}}}
	all := []testCase{{name: "mget-100", about: "MGET of 100 keys of 64 bytes, 50 clients", prepare: small, series: onTargets(closed{50, many}, 0)}}
	for _, clients := range []int{50, 200} {
		all = append(all, testCase{name: fmt.Sprintf("tx-c%d", clients), prepare: small, quick: clients == 50,
			about:  fmt.Sprintf("MULTI, three commands and EXEC, sent at once, %s", plural(clients, "client")),
			series: onTargets(closed{clients, tx}, canTx)})
	}
	return append(all, testCase{name: "fanout-100", about: "PUBLISH of 64 bytes to 100 subscribers, 8 in flight; deliveries", quick: true,
		series: onTargets(fanout{subscribers: 100, messages: 8}, canPubSub)})
}

const (
	idleClients = 10_000
	// besideRate is what the established clients do beside a crowd or a storm: enough to tell percentiles, far from what the
	// machine can do, so that what changes is the target's doing.
	besideRate = 5000
	stormRate  = 2000
)

// quiet are clients that leave the machine time.
func quiet() []testCase {
	get := compile([]string{"GET", keyName})
	beside := paced{clients: 50, rate: besideRate, template: get}
	return []testCase{
		{name: "open-1000", about: "GET, 1,000 in a second whatever comes back, spread over 50 clients", prepare: small, quick: true,
			series: onTargets(paced{clients: 50, rate: 1000, template: get}, 0)},
		{name: "idle-10000", about: "50 clients with 5,000 GETs a second, 10,000 idle ones beside them", prepare: small,
			series: func(ctx context.Context, l *lab) ([]series, error) {
				if most := l.files - 2000; most < idleClients {
					l.note("idle-10000 is left out: a process may have only %d descriptors here.", l.files)
					return nil, nil
				}
				return onTargets(crowd{beside, idleClients}, canIdle)(ctx, l)
			}},
		{name: "storm", about: "50 clients with 5,000 GETs a second, 2,000 new connections a second beside them", prepare: small,
			series: onTargets(stormy{load: beside, rate: stormRate}, 0)},
		{name: "storm-tls", about: "the same, the new connections with TLS", prepare: small,
			series: onTargets(stormy{load: beside, rate: stormRate, tls: true}, canTLS)},
	}
}

// choose gives the cases that o asks for, in the order of the report.
func choose(o *Options) ([]testCase, error) {
	all := cases()
	if len(o.Cases) == 0 {
		return slices.DeleteFunc(all, func(c testCase) bool { return o.Quick && !c.quick }), nil
	}
	wanted := make(map[string]bool)
	for _, pattern := range o.Cases {
		found := false
		for _, c := range all {
			match, err := path.Match(pattern, c.name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", pattern, err)
			}
			if match {
				wanted[c.name], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("no such workload: %s (proxy bench --list names them)", pattern)
		}
	}
	return slices.DeleteFunc(all, func(c testCase) bool { return !wanted[c.name] }), nil
}

// List writes a line for each case: what Options.Cases may name, and what it is.
func List(w io.Writer) {
	for _, c := range cases() {
		fmt.Fprintf(w, "%-20s %s\n", c.name, c.about)
	}
}
