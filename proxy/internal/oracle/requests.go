package oracle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// pick is the next of the mix: one request, or a few that belong together.
func (w *worker) pick() []request {
	kinds := []func() []request{w.echo, w.echo, w.set, w.get, w.get, w.getset, w.incr, w.push, w.mistake, w.unknownCommand}
	if w.opts.Blocking {
		kinds = append(kinds, w.block)
	}
	if w.opts.Transactions {
		kinds = append(kinds, w.transaction)
	}
	return kinds[w.rng.IntN(len(kinds))]()
}

// exactly judges a reply by its bytes.
func exactly(want string) func(string) string {
	return func(reply string) string {
		if reply == want {
			return ""
		}
		return fmt.Sprintf("%.200q", want)
	}
}

func (w *worker) echo() []request {
	n := w.nonce()
	return []request{{name: "ECHO", wire: redistest.Command("ECHO", n), judge: exactly(redistest.Bulk(n))}}
}

func (w *worker) set() []request {
	n, r := w.nonce(), &w.model.register
	return []request{{name: "SET", wire: redistest.Command("SET", w.model.value, n),
		judge: func(reply string) string {
			r.wrote(n)
			return exactly("+OK\r\n")(reply)
		},
		unsure: func() { r.unsure(n) }}}
}

func (w *worker) get() []request {
	return []request{{name: "GET", wire: redistest.Command("GET", w.model.value), judge: w.model.register.judge}}
}

func (w *worker) getset() []request {
	n, r := w.nonce(), &w.model.chained
	return []request{{name: "GETSET", wire: redistest.Command("GETSET", w.model.chain, n),
		judge: func(reply string) string {
			wrong := r.judge(reply)
			r.wrote(n)
			return wrong
		},
		unsure: func() { r.unsure(n) }}}
}

// judge takes the reply of a read.
func (r *register) judge(reply string) string {
	v, ok := bulkText(reply)
	if ok && r.saw(v) {
		return ""
	}
	return fmt.Sprintf("%.100q, or one of %d writes of unknown outcome", r.current, len(r.maybe))
}

func (w *worker) incr() []request {
	c := &w.model.count
	return []request{{name: "INCR", wire: redistest.Command("INCR", w.model.counter),
		judge: func(reply string) string {
			if v, ok := integer(reply); ok && c.saw(v) {
				return ""
			}
			return fmt.Sprintf("%d to %d", c.value+1, c.value+1+c.maybe)
		},
		unsure: func() { c.maybe++ }}}
}

func (w *worker) push() []request {
	n := w.nonce()
	return []request{{name: "RPUSH", wire: redistest.Command("RPUSH", w.model.shared, n),
		judge: func(reply string) string {
			if v, ok := integer(reply); ok && v > w.model.length {
				w.model.length = v
				w.model.pushed = append(w.model.pushed, push{n, true})
				return ""
			}
			return fmt.Sprintf("more than %d", w.model.length)
		},
		unsure: func() { w.model.pushed = append(w.model.pushed, push{n, false}) }}}
}

// mistake is a command whose error comes from the upstream, in the midst of good ones. The key is never written.
func (w *worker) mistake() []request {
	return []request{{name: "SETRANGE", wire: redistest.Command("SETRANGE", w.model.value+":none", "-1", "x"),
		judge: exactly("-ERR offset is out of range\r\n")}}
}

// unknownCommand is answered with its own name.
func (w *worker) unknownCommand() []request {
	w.seq++
	name := fmt.Sprintf("NO%s.%d.%d", w.opts.Run, w.id, w.seq)
	return []request{{name: "an unknown command", wire: redistest.Command(name),
		judge: func(reply string) string {
			// The quotes differ by version, and Redis lists the arguments behind.
			if strings.HasPrefix(reply, "-ERR unknown command ") && strings.Contains(reply, name) {
				return ""
			}
			return "ERR unknown command " + name
		}}}
}

// block pushes and pops with a command that may wait.
func (w *worker) block() []request {
	n, f := w.nonce(), &w.model.queued
	return []request{
		{name: "RPUSH before BLPOP", wire: redistest.Command("RPUSH", w.model.queue, n),
			judge: func(reply string) string {
				f.settle(n, true)
				if v, ok := integer(reply); ok && v >= 1 && v <= int64(len(f.elements)) {
					return ""
				}
				return fmt.Sprintf("1 to %d", len(f.elements))
			},
			unsure: func() { f.settle(n, false) }},
		{name: "BLPOP", wire: redistest.Command("BLPOP", w.model.queue, "0.1"),
			judge: func(reply string) string {
				if reply == "*-1\r\n" && f.empty() {
					return ""
				}
				rest, ok := strings.CutPrefix(reply, "*2\r\n"+redistest.Bulk(w.model.queue))
				v, isBulk := bulkText(rest)
				if ok && isBulk && f.popped(v) {
					return ""
				}
				return fmt.Sprintf("one of %.300v, %d pops of unknown outcome before", f.elements, f.lost)
			},
			unsure: func() { f.lost++ }},
	}
}

// transaction is MULTI, ECHO, EXEC. Where MULTI failed the ECHO runs at once and EXEC is an error, as in Redis.
func (w *worker) transaction() []request {
	n := w.nonce()
	begun := false
	return []request{
		{name: "MULTI", wire: redistest.Command("MULTI"), judge: func(reply string) string {
			begun = true
			return exactly("+OK\r\n")(reply)
		}},
		{name: "ECHO in MULTI", wire: redistest.Command("ECHO", n), judge: func(reply string) string {
			if begun {
				return exactly("+QUEUED\r\n")(reply)
			}
			return exactly(redistest.Bulk(n))(reply)
		}},
		{name: "EXEC", wire: redistest.Command("EXEC"), judge: func(reply string) string {
			switch {
			case begun && redistest.IsError(reply, "EXECABORT"):
				// The upstream was lost before EXEC was written, or a command of it was not taken.
				w.errors["EXECABORT"]++
				return ""
			case !begun:
				return exactly("-ERR EXEC without MULTI\r\n")(reply)
			}
			return exactly("*1\r\n" + redistest.Bulk(n))(reply)
		}},
	}
}

// bulkText is the text of a bulk string reply; a null's is "", which is no nonce.
func bulkText(reply string) (string, bool) {
	if reply == "$-1\r\n" {
		return "", true
	}
	header, rest, ok := strings.Cut(reply, "\r\n")
	if !ok || !strings.HasPrefix(header, "$") || !strings.HasSuffix(rest, "\r\n") {
		return "", false
	}
	return strings.TrimSuffix(rest, "\r\n"), true
}

func integer(reply string) (int64, bool) {
	if !strings.HasPrefix(reply, ":") {
		return 0, false
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(reply[1:], "\r\n"), 10, 64)
	return v, err == nil
}
