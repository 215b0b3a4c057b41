package oracle

import "slices"

// model is what one worker knows about its keys.
type model struct {
	value, chain, counter, queue, shared string // names of keys; shared is everybody's

	register register // of value
	chained  register // of chain
	count    counter  // of counter
	queued   fifo     // in queue
	pushed   []push   // onto shared
	length   int64    // of shared, as last seen
}

func newModel(prefix, shared string) model {
	return model{value: prefix + ":value", chain: prefix + ":chain", counter: prefix + ":counter",
		queue: prefix + ":queue", shared: shared}
}

// register is a key that one connection writes.
type register struct {
	current string          // the last value known to be there; "" before the first
	maybe   map[string]bool // writes whose outcome is unknown; each may take effect once, at any time
}

// saw reports whether v can be there. A value of unknown outcome that shows has run, and can't run again.
func (r *register) saw(v string) bool {
	if v == r.current {
		return true
	}
	if !r.maybe[v] {
		return false
	}
	delete(r.maybe, v)
	r.current = v
	return true
}

func (r *register) wrote(v string) { r.current = v }

func (r *register) unsure(v string) {
	if r.maybe == nil {
		r.maybe = map[string]bool{}
	}
	r.maybe[v] = true
}

// counter is a key that one connection counts up.
type counter struct{ value, maybe int64 }

// saw reports whether v can be the answer to a count just made.
func (c *counter) saw(v int64) bool {
	extra := v - c.value - 1
	if extra < 0 || extra > c.maybe {
		return false
	}
	c.maybe -= extra
	c.value = v
	return true
}

// canBe reports whether v can be the value at the end.
func (c *counter) canBe(v int64) bool { return v >= c.value && v <= c.value+c.maybe }

// push is an element put on a list.
type push struct {
	nonce string
	acked bool
}

// fifo is a list that one connection pushes to and pops from.
type fifo struct {
	elements []push
	lost     int // pops of unknown outcome: each may have taken an element
}

// settle notes how the push of a nonce ended.
func (f *fifo) settle(nonce string, acked bool) {
	f.elements = append(f.elements, push{nonce, acked})
}

// popped reports whether a pop can have given nonce: it was pushed, has not come before, and what acknowledged pushes
// put before it has come or can have been taken by pops of unknown outcome.
func (f *fifo) popped(nonce string) bool {
	at := slices.IndexFunc(f.elements, func(p push) bool { return p.nonce == nonce })
	if at < 0 {
		return false
	}
	rest := slices.Clone(f.elements[at+1:])
	for _, p := range slices.Backward(f.elements[:at]) {
		if !p.acked {
			rest = slices.Insert(rest, 0, p) // it may come yet
			continue
		}
		if f.lost--; f.lost < 0 {
			return false
		}
	}
	f.elements = rest
	return true
}

// empty reports whether a pop can have found nothing.
func (f *fifo) empty() bool {
	for _, p := range f.elements {
		if p.acked {
			f.lost--
		}
	}
	f.elements = slices.DeleteFunc(f.elements, func(p push) bool { return p.acked })
	return f.lost >= 0
}
