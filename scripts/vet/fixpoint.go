package vet

import (
	"maps"
	"math"
	"regexp"
	"strings"
)

// loop follows the body until its states at the beginning include all those at the end. States in which it never ran, those
// after it ended and those that left it go on; break ends here.
func (a *analysis) loop(st *state, w *walk, node any) outcome {
	delete(a.loops, w.name)
	a.looping++
	defer func() { a.looping-- }()
	first := st.clone()
	first.forget(w.name)
	first.know["first "+w.name] = 0
	heads, work := []*state{first}, []*state{first}
	var ends, broke []*state
	growth := map[int][2]float64{}
	for len(work) > 0 {
		if w.rounds++; w.rounds > maxRounds {
			a.c.report(node, ruleUnprovable, "what the loop does can't be followed to an end")
			break
		}
		var got []*state
		for _, head := range work {
			o := w.body(a.iteration(head, w))
			for _, st := range o.next {
				measure(growth, st)
				a.endIteration(st, w)
				got = append(got, st)
			}
			for _, st := range o.broke {
				measure(growth, st)
			}
			broke = append(broke, o.broke...)
		}
		got = squeeze(got)
		for _, g := range got {
			ends = append(ends, g.clone())
		}
		if w.once {
			break
		}
		work = nil
		for _, g := range got {
			if changed := include(&heads, g, w.rounds > 1); changed != nil {
				work = append(work, changed)
			}
		}
	}
	a.loops[w.name] = w.all
	return a.after(st, w, squeeze(ends), broke, growth)
}

// after is where states are when the loop is over.
func (a *analysis) after(st *state, w *walk, ends, broke []*state, growth map[int][2]float64) outcome {
	vacuous := map[string]family{}
	for _, e := range ends {
		maps.Copy(vacuous, a.leave(e, w, true))
		grow(st, e, w, growth, true)
	}
	for _, b := range broke {
		a.leave(b, w, false)
		grow(st, b, w, growth, false)
	}
	out := append(ends, broke...)
	if w.least == 0 { // it may not run at all: then all is shown of nothing
		st.forget(w.name)
		if w.second != "" {
			st.facts[w.second] = false
		}
		for k, f := range vacuous {
			if !st.knows(k) {
				st.know[k] = f
			}
		}
		out = append(out, st)
	}
	return outcome{next: merge(out)}
}

// iteration is the state at the beginning of one.
func (a *analysis) iteration(head *state, w *walk) *state {
	st := head.clone()
	st.forgetIteration(w.name)
	for id, t := range st.heap {
		t.grown = [2]float64{}
		st.heap[id] = t
	}
	w.begin(st)
	return st
}

var wholeTable = regexp.MustCompile(`(KEYS|⟨T\d+⟩)\[⟦1,#(KEYS|⟨T\d+⟩),1⟧\]`)

// whole writes t[*] for the elements of t that have the indexes from 1 to #t.
func whole(name string) string {
	return wholeTable.ReplaceAllStringFunc(name, func(s string) string {
		if m := wholeTable.FindStringSubmatch(s); m[1] == m[2] {
			return m[1] + "[*]"
		}
		return s
	})
}

// forgetIteration is forget for all but what is noted of each iteration so far.
func (s *state) forgetIteration(name string) {
	kept := map[string]family{}
	for k, f := range s.know {
		if strings.HasPrefix(k, "each "+name) {
			kept[k] = f
		}
	}
	s.forget(name)
	maps.Copy(s.know, kept)
}

// endIteration keeps in "each" what all iterations so far have shown.
func (a *analysis) endIteration(st *state, w *walk) {
	shown := map[string]family{}
	for k, f := range st.know {
		if !strings.Contains(k, w.name) || strings.HasPrefix(k, "each ") || strings.HasPrefix(k, "first ") || w.all == "" {
			continue
		}
		if w.chunk[0] != "" {
			k = strings.ReplaceAll(k, w.chunk[0], w.chunk[1])
		}
		if k = whole(strings.ReplaceAll(k, w.name, w.all)); !strings.Contains(k, w.name) {
			shown["each "+w.name+" "+k] = f
		}
	}
	if st.knows("first " + w.name) {
		delete(st.know, "first "+w.name)
		st.forgetIteration(w.name)
		maps.Copy(st.know, shown)
	} else {
		maps.DeleteFunc(st.know, func(k string, _ family) bool {
			_, ok := shown[k]
			return strings.HasPrefix(k, "each "+w.name) && !ok
		})
		st.forgetIteration(w.name)
	}
	if a.frame == nil {
		st.sweep()
	}
	for id, t := range st.heap {
		t.grown = [2]float64{}
		st.heap[id] = t
	}
}

// leave ends the loop in a state; if it came to its end, what each iteration has shown is shown of all.
func (a *analysis) leave(st *state, w *walk, complete bool) map[string]family {
	all := map[string]family{}
	prefix := "each " + w.name + " "
	for k, f := range st.know {
		if what, ok := strings.CutPrefix(k, prefix); ok {
			all[what] = f
		}
	}
	maps.DeleteFunc(st.know, func(k string, _ family) bool {
		return strings.HasPrefix(k, prefix) || k == "first "+w.name
	})
	st.forget(w.name)
	if complete {
		for k, f := range all {
			if !st.knows(k) {
				st.know[k] = f
			}
		}
	}
	return all
}

// measure keeps how much each table grew in one iteration, at least and at most.
func measure(growth map[int][2]float64, st *state) {
	for id, t := range st.heap {
		g, ok := growth[id]
		if !ok {
			g = t.grown
		}
		growth[id] = [2]float64{min(g[0], t.grown[0]), max(g[1], t.grown[1])}
	}
}

// grow bounds the tables' sizes by how often the loop can have run.
func grow(before, after *state, w *walk, growth map[int][2]float64, complete bool) {
	for id, t := range after.heap {
		old, ok := before.heap[id]
		g, measured := growth[id]
		if !ok || !measured {
			continue
		}
		total := [2]float64{min(times(w.least, g[0]), times(w.most, g[0])), times(w.most, max(g[1], 0))}
		if !complete {
			total[0] = min(total[0], 0)
		} else if g[0] >= 0 {
			t.lo = max(t.lo, old.lo+total[0])
		}
		t.hi = min(t.hi, old.hi+total[1])
		t.grown = [2]float64{old.grown[0] + total[0], old.grown[1] + total[1]}
		after.heap[id] = t
	}
}

func times(n, g float64) float64 {
	if n == 0 || g == 0 {
		return 0
	}
	return n * g
}

// include joins a state into the head that has its protocol, or makes it a head; it returns the head if that is news.
func include(heads *[]*state, g *state, widen bool) *state {
	p := g.protocol()
	for i, h := range *heads {
		if h.protocol() != p {
			continue
		}
		j := h.clone()
		j.join(g)
		if widen {
			j.widen(h)
		}
		if j.same(h) {
			return nil
		}
		(*heads)[i] = j
		return j
	}
	*heads = append(*heads, g)
	return g
}

// widen gives up bounds that still move.
func (s *state) widen(old *state) {
	for k, v := range s.vars {
		s.vars[k] = v.widen(old.vars[k])
	}
	for id, t := range s.heap {
		o := old.heap[id]
		if t.hi > o.hi {
			t.hi = max(t.hi, manyElements)
		}
		if t.lo < o.lo {
			t.lo = 0
		}
		t.rest = t.rest.widen(o.rest)
		fields := map[string]value{}
		for k, v := range t.fields {
			fields[k] = v.widen(o.fields[k])
		}
		t.fields = fields
		s.heap[id] = t
	}
}

func (v value) widen(old value) value {
	if old.kinds == 0 {
		return v
	}
	if v.num.lo < old.num.lo {
		v.num.lo = math.Inf(-1)
	}
	if v.num.hi > old.num.hi {
		v.num.hi = math.Inf(1)
	}
	return v
}
