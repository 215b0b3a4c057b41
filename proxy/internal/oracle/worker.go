package oracle

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// request is one command and how to judge what comes back.
type request struct {
	name string // for messages
	wire string
	// judge returns what is wrong with a reply that is no allowed error, "" if it is right. It notes what the reply
	// tells about the state.
	judge func(reply string) string
	// unsure notes that the command may or may not have run. Nil where that changes nothing.
	unsure func()
}

// worker is one connection after another, all with the same keys, and one pipeline after another on each.
type worker struct {
	opts  Options
	id    int
	rng   *rand.Rand
	seq   int // of the last nonce
	model model

	right, closed, vanished, dialed, failed, unknown, dropped int

	errors     map[string]int
	violations []string
}

func newWorker(o Options, id int) *worker {
	w := &worker{opts: o, id: id, rng: newRand(o.Seed, id), errors: map[string]int{}}
	w.model = newModel(fmt.Sprintf("%s:%d", o.Run, id), o.Run+":shared")
	return w
}

// nonce is unique in the run, and of a random length.
func (w *worker) nonce() string {
	w.seq++
	n := fmt.Sprintf("%s.%d.%d.", w.opts.Run, w.id, w.seq)
	return n + strings.Repeat("x", w.rng.IntN(max(1, w.opts.Largest-len(n))))
}

func (w *worker) work(ctx context.Context) {
	batches := 0
	for ctx.Err() == nil && (w.opts.Batches == 0 || batches < w.opts.Batches) {
		conn, err := dial(ctx, w.opts.Addr)
		if err != nil {
			w.failed++
			select { // what is tested may be starting again
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			continue
		}
		w.dialed++
		c := redistest.NewClient(conn)
		c.Timeout = w.opts.ReplyTimeout
		if w.login(c) {
			for ctx.Err() == nil && (w.opts.Batches == 0 || batches < w.opts.Batches) {
				batches++
				if !w.batch(c) {
					break
				}
			}
		}
		c.Close()
	}
}

// login authenticates where the options say so. A connection that can't is made anew.
func (w *worker) login(c *redistest.Client) bool {
	if len(w.opts.Auth) == 0 {
		return true
	}
	reply, err := c.Call(append([]string{"AUTH"}, w.opts.Auth...)...)
	if err == nil && reply != "+OK\r\n" && !w.allowed(reply) {
		w.violation("AUTH", reply, "+OK")
	}
	return err == nil && reply == "+OK\r\n"
}

// batch sends one pipeline and judges its replies. It reports whether the connection can go on.
func (w *worker) batch(c *redistest.Client) bool {
	var requests []request
	for range 1 + w.rng.IntN(w.opts.Depth) {
		requests = append(requests, w.pick()...)
	}
	read := len(requests)
	vanish := w.rng.Float64() < w.opts.Vanish
	if vanish {
		read = w.rng.IntN(len(requests) + 1)
	}
	var wire strings.Builder
	for _, r := range requests {
		wire.WriteString(r.wire)
	}
	// Written beside the reading: whoever waits until all is written can wait for ever on a peer that does the same.
	written := make(chan error, 1)
	go func() { written <- c.Send(wire.String()) }()
	err := w.read(c, requests, read)
	if err != nil || vanish {
		c.Close() // a writer that still waits must end
	}
	<-written
	if vanish && err == nil && read < len(requests) {
		w.vanished++
	}
	return err == nil && !vanish
}

// errWrong ends a connection whose replies can't be told apart any more.
var errWrong = errors.New("a wrong reply")

// read judges the first n replies and notes the rest as unknown.
func (w *worker) read(c *redistest.Client, requests []request, n int) error {
	var err error
	for i, r := range requests {
		if i >= n || err != nil {
			w.unsure(r)
			continue
		}
		var reply string
		if reply, err = c.Receive(); err != nil {
			w.ended(r, reply, err)
			w.unsure(r)
			continue
		}
		if !w.verdict(r, reply) {
			err = errWrong
		}
	}
	return err
}

func (w *worker) unsure(r request) {
	w.unknown++
	if r.unsure != nil {
		r.unsure()
	}
}

// ended judges the end of a connection: it may end at any time, even in a reply, but not fall silent, nor send what is
// no RESP.
func (w *worker) ended(r request, reply string, err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, redistest.ErrFrame):
		w.violation(r.name, reply, "a reply; "+err.Error())
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		w.violation(r.name, reply, fmt.Sprintf("a reply within %v", w.opts.ReplyTimeout))
	default:
		w.closed++
	}
}

func (w *worker) verdict(r request, reply string) bool {
	if w.allowed(reply) {
		code := errorCode(reply)
		w.errors[code]++
		if w.opts.Errors[code] == Unknown {
			w.unsure(r)
		}
		return true
	}
	if wrong := r.judge(reply); wrong != "" {
		w.violation(r.name, reply, wrong)
		w.unsure(r)
		return false
	}
	w.right++
	return true
}

func (w *worker) allowed(reply string) bool {
	_, ok := w.opts.Errors[errorCode(reply)]
	return ok
}

// errorCode is the first word of an error reply, "" of any other.
func errorCode(reply string) string {
	if !strings.HasPrefix(reply, "-") {
		return ""
	}
	code, _, _ := strings.Cut(strings.TrimRight(reply[1:], "\r\n"), " ")
	return code
}

func (w *worker) violation(name, reply, want string) {
	if len(w.violations) >= mostViolations {
		w.dropped++
		return
	}
	const most = 128
	dump := hex.Dump([]byte(reply[:min(len(reply), most)]))
	w.violations = append(w.violations, fmt.Sprintf("connection %d (seed %d), nonce %d, %s: want %s, got %d bytes\n%s",
		w.id, w.opts.Seed, w.seq, name, want, len(reply), dump))
}
