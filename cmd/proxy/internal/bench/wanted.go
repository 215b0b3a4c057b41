package bench

import "fmt"

// What a wanted number is compared with, besides the names of series.
const (
	bestPeer = "best peer"
	without  = "without them" // P99Before of the same series
	nothing  = ""             // the number itself
)

// wanted is a bound on the proxy's number in a case, or on its ratio to another.
type wanted struct {
	c, metric string
	against   string
	least     bool // the bound is a lower one
	bound     float64
	plus      float64 // is added to what it is compared with, in the metric's unit
}

// want lists what the project holds itself to, in the order of the report.
func want() []wanted {
	var all []wanted
	least := func(c, metric, against string, bound float64) {
		all = append(all, wanted{c, metric, against, true, bound, 0})
	}
	most := func(c, metric, against string, bound float64) {
		all = append(all, wanted{c, metric, against, false, bound, 0})
	}
	for _, name := range []string{"get", "set"} {
		least(name+"-c50-p1", Rate, Direct, 1)
		most(name+"-c50-p1", P99, Direct, 1.2)
		least(name+"-c50-p1", Rate, bestPeer, 1.2)
		for _, x := range []struct {
			cell           string
			direct, bestOf float64
		}{{"-c200-p1", 1.1, 1.1}, {"-c1000-p1", 1.2, 1.1}, {"-c50-p16", 1, 1.7}, {"-c1-p1", 0.55, 1.1}, {"-16k", 0.85, 1.1}, {"-1m", 0.85, 1.1}} {
			least(name+x.cell, Rate, Direct, x.direct)
			least(name+x.cell, Rate, bestPeer, x.bestOf)
		}
	}
	least("tx-c200", Rate, Direct, 1)
	least("tx-c200", Rate, bestPeer, 2)
	least("fanout-100", Rate, Direct, 0.8)
	least("fanout-100", Rate, bestPeer, 1.4)
	for _, r := range rivals {
		least("replaces-"+r.name, Rate, EvalSHA, 1)
		least("replaces-"+r.name, Rate, WatchLoop, 2)
	}
	most("get-c50-p1", RedisCPU, Direct, 0.31)
	most("get-c50-p1", RedisCPU, Twemproxy, 1)
	most("get-c50-p1", ProxyCPU, bestPeer, 0.9)
	most("get-c50-p16", ProxyCPU, bestPeer, 0.9)
	most("idle-10000", PerClient, nothing, 1024)
	most("idle-10000", P99, without, 1.1) // "unchanged", as far as can be told
	all = append(all, wanted{"open-1000", P95, Direct, false, 1, 100})
	most("open-1000", P95, bestPeer, 1)
	most("storm", P99, without, 2)
	most("storm-tls", P99, without, 2)
	return all
}

// judge compares; ok is false where something was not measured.
func (r *Report) judge(w wanted) (got float64, reached, ok bool) {
	v, ok := r.value(w.c, Proxy, w.metric)
	if !ok {
		return 0, false, false
	}
	base := 1.0
	switch w.against {
	case nothing:
	case bestPeer:
		base, ok = r.peer(w.c, w.metric)
	case without:
		base, ok = r.value(w.c, Proxy, P99Before)
	default:
		base, ok = r.value(w.c, w.against, w.metric)
	}
	if !ok || base <= 0 {
		return 0, false, false
	}
	if w.plus != 0 { // a difference, and not a ratio
		return v - base, v <= base+w.plus, true
	}
	got = v / base
	return got, got >= w.bound == w.least || got == w.bound, true
}

// text is the bound as people write it.
func (w wanted) text() string {
	sign := "≤"
	if w.least {
		sign = "≥"
	}
	if w.plus != 0 {
		return fmt.Sprintf("%s + %g", sign, w.plus)
	}
	return fmt.Sprintf("%s %g", sign, w.bound)
}
