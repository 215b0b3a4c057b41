// Package oracle is a load client that knows each right reply, and so finds any reply that is somebody else's, out of
// order, missing, or a command that ran twice.
//
//	ledger := oracle.Run(ctx, oracle.Options{Addr: proxyAddr, Conns: 50, Depth: 20, Seed: 1})
//	for _, v := range append(ledger.Violations(), ledger.Account(direct)...) {
//		t.Error(v)
//	}
//
// # Promises
//
// Every request carries a nonce that no other request of the run has, or touches keys of its own connection only, so
// that a reply is judged by its bytes. A verdict is: right; an error that Options allows, in place of the reply; or
// the connection's end. Anything else is a violation, told with a hex dump. What is sent depends on the seed alone,
// how requests and faults meet does not.
//
// Account then reads the upstream, without the proxy: counters, lists and values must lie between what was
// acknowledged and what may have run besides, and nothing that was said not to have run may be there.
//
// # What it does not know
//
// It takes the upstream for one that keeps its data: a restart without persistence loses acknowledged writes, which
// the oracle reports as losses. A command whose outcome is unknown may run late, after its successors; the oracle
// allows that.
package oracle

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what to do. Zero fields take the value in brackets.
type Options struct {
	Addr  string // host:port of what is tested
	Conns int    // connections at a time [10]
	Depth int    // largest pipeline; each is of 1 to Depth requests [10]
	Seed  uint64
	Run   string // part of every key and nonce, for several runs on one upstream ["o"]
	// Batches is the number of pipelines of each connection; 0: until the context ends.
	Batches int
	// Vanish is the share of pipelines, 0 to 1, after which the client goes away without reading all its replies.
	Vanish float64
	// Blocking adds BLPOP to the mix, Transactions MULTI and EXEC: both leave the shared connection.
	Blocking, Transactions bool
	// Largest is the size of the largest nonce in bytes [512].
	Largest int
	// Errors are the codes of errors that may stand in place of a reply, and whether such a command has surely not
	// run [DefaultErrors].
	Errors map[string]Outcome
	// ReplyTimeout is how long a reply may take; a longer wait is a violation [30 s].
	ReplyTimeout time.Duration
	// Auth is sent as AUTH's arguments at the start of each connection, if there are any.
	Auth []string
}

// Outcome is what an error says about its command.
type Outcome int

const (
	Unknown     Outcome = iota // it may or may not have run
	NotExecuted                // it has surely not run, and will not
)

// DefaultErrors are the proxy's own errors for commands that it could not answer.
var DefaultErrors = map[string]Outcome{
	"UNCERTAIN":   Unknown,
	"UNAVAILABLE": NotExecuted,
	"TRYAGAIN":    NotExecuted,
}

func (o Options) withDefaults() Options {
	if o.Conns == 0 {
		o.Conns = 10
	}
	if o.Depth == 0 {
		o.Depth = 10
	}
	if o.Run == "" {
		o.Run = "o"
	}
	if o.Largest == 0 {
		o.Largest = 512
	}
	if o.Errors == nil {
		o.Errors = DefaultErrors
	}
	if o.ReplyTimeout == 0 {
		o.ReplyTimeout = 30 * time.Second
	}
	return o
}

// Ledger is what came of a run.
type Ledger struct {
	Right    int            // replies that were right
	Errors   map[string]int // allowed errors, by code
	Closed   int            // connections that ended with replies outstanding
	Vanished int            // connections that the client left with replies outstanding
	Dialed   int            // connections made
	Failed   int            // attempts to connect that failed

	opts       Options
	violations []string
	dropped    int
	workers    []*worker
}

// mostViolations is how many are kept: one fault tends to show in every reply after it.
const mostViolations = 20

// Run loads o.Addr until every connection has sent its batches or the context ends. All connections are closed when it
// returns. A connection that ends is made anew.
func Run(ctx context.Context, o Options) *Ledger {
	o = o.withDefaults()
	workers := make([]*worker, o.Conns)
	var wg sync.WaitGroup
	for i := range workers {
		workers[i] = newWorker(o, i)
		wg.Add(1)
		go func(w *worker) {
			defer wg.Done()
			w.work(ctx)
		}(workers[i])
	}
	wg.Wait()
	l := &Ledger{opts: o, workers: workers, Errors: map[string]int{}}
	for _, w := range workers {
		l.add(w)
	}
	return l
}

func (l *Ledger) add(w *worker) {
	l.Right += w.right
	l.Closed += w.closed
	l.Vanished += w.vanished
	l.Dialed += w.dialed
	l.Failed += w.failed
	l.dropped += w.dropped
	for code, n := range w.errors {
		l.Errors[code] += n
	}
	l.violations = append(l.violations, w.violations...)
}

// Violations are the replies that were wrong, each with what was asked, what may come, and what came. At most 20 of
// each connection are kept.
func (l *Ledger) Violations() []string {
	if l.dropped > 0 {
		return append(slices.Clone(l.violations), fmt.Sprintf("and %d violations more", l.dropped))
	}
	return slices.Clone(l.violations)
}

// Unknown is the number of commands whose outcome the client can't know: those that an error of that kind answered,
// and those that a connection's end left without a reply.
func (l *Ledger) Unknown() (n int) {
	for _, w := range l.workers {
		n += w.unknown
	}
	return n
}

// String is one line for a test's log.
func (l *Ledger) String() string {
	var errs []string
	for _, code := range slices.Sorted(maps.Keys(l.Errors)) {
		errs = append(errs, fmt.Sprintf("%s %d", code, l.Errors[code]))
	}
	return fmt.Sprintf("%d right, errors [%s], %d connections (%d failed to connect, %d ended early, %d left), %d unknown, %d wrong",
		l.Right, strings.Join(errs, ", "), l.Dialed, l.Failed, l.Closed, l.Vanished, l.Unknown(), len(l.violations)+l.dropped)
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, "tcp", addr)
}

// newRand gives each connection random numbers of its own.
func newRand(seed uint64, n int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(n))) }
