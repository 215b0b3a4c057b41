package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// contenders are as many connections as race for one thing.
const contenders = 50

// contender is one of them: a client of the proxy, of which one goroutine makes use.
type contender struct {
	*redistest.Client
	id int
	h  *history
}

// wordsOf returns a reply's words: integers without their colon, bulk strings, statuses; a null is "nil". The replies here hold no
// bytes that would make it ambiguous.
func wordsOf(reply string) []string {
	var l []string
	for line := range strings.SplitSeq(strings.TrimSuffix(reply, "\r\n"), "\r\n") {
		switch {
		case line == "$-1" || line == "*-1":
			l = append(l, "nil")
		case strings.HasPrefix(line, "*") || strings.HasPrefix(line, "$"):
		default:
			l = append(l, strings.TrimLeft(line, ":+"))
		}
	}
	return l
}

// call sends a command of words and returns the reply's. An error of the connection or of the server ends the contender.
func (c *contender) call(format string, args ...any) []string {
	command := fmt.Sprintf(format, args...)
	began := time.Now()
	reply, err := c.Call(strings.Fields(command)...)
	if err != nil || strings.HasPrefix(reply, "-") {
		panic(fmt.Sprintf("%s: %q, %v", command, reply, err))
	}
	out := wordsOf(reply)
	c.h.add(porcupine.Operation{ClientId: c.id, Input: strings.Fields(command), Call: began.UnixNano(), Output: out, Return: time.Now().UnixNano()})
	return out
}

func (c *contender) number(word string) int64 {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// history is what was called and answered, when.
type history struct {
	mu  sync.Mutex
	ops []porcupine.Operation
}

func (h *history) add(op porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// thin keeps about a thousand of the operations that are dull, such as refusals: there are more of them the slower the
// machine is, they say little, and the check takes time that grows with them. What is linearizable stays so.
func (h *history) thin(dull func(in, out []string) bool) {
	is := func(op porcupine.Operation) bool { return dull(op.Input.([]string), op.Output.([]string)) }
	n := 0
	for _, op := range h.ops {
		if is(op) {
			n++
		}
	}
	every, i := 1+n/1000, 0
	h.ops = slices.DeleteFunc(h.ops, func(op porcupine.Operation) bool {
		if !is(op) {
			return false
		}
		i++
		return i%every != 0
	})
}

// linearizable checks that the history can be put in an order in which the model, a function of its state, a command and
// its reply, allows each.
func (h *history) linearizable(t *testing.T, start string, step func(state string, in, out []string) (bool, string)) {
	t.Helper()
	model := porcupine.Model{
		Init: func() any { return start },
		Step: func(state, in, out any) (bool, any) {
			return step(state.(string), in.([]string), out.([]string))
		},
	}
	if got := porcupine.CheckOperationsTimeout(model, h.ops, 2*patience); got != porcupine.Ok {
		t.Errorf("%d operations are not linearizable: %s", len(h.ops), got)
	}
}

// race lets all contenders run f at once, through a proxy before a real server, on an empty database. It returns what they
// did and a client of the proxy for questions afterwards.
func race(t *testing.T, f func(c *contender)) (*history, *contender) {
	t.Helper()
	r := startReady(t, before(redistest.Start(t)))
	h := &history{}
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for id := range contenders {
		c := &contender{redistest.Dial(t, r.Addrs()[0]), id, h}
		ready.Add(1)
		done.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("contender %d: %v", id, p)
				}
			}()
			ready.Done()
			<-begin
			f(c)
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return h, &contender{redistest.Dial(t, r.Addrs()[0]), contenders, &history{}}
}

// plus adds to a number in words.
func plus(word string, n int) string {
	m, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return strconv.Itoa(m + n)
}
