package vet

import (
	"math"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// argument is one argument of a command, or the many that unpack gives.
type argument struct {
	v    value
	kind byte // as in command.args; 'x': it depends on the data what it is
	node ast.Expr
}

// invocation is a command with its arguments sorted.
type invocation struct {
	cmd     *command
	args    []argument
	options []argument // of "o"
	keys    []argument
	exact   bool // the arguments' number is known and right
	odd     bool // the number is known and surely wrong in a way that the server finds out only after asking for rights
}

var zaddOptions = []string{"NX", "XX", "GT", "LT", "CH", "INCR"}

// arrange gives each argument its kind. nodes are the arguments' expressions after the name, of which the last may give more.
func arrange(cmd *command, list []value, nodes []ast.Expr) *invocation {
	in := &invocation{cmd: cmd}
	for i, v := range list {
		in.args = append(in.args, argument{v: v, node: nodes[min(i, len(nodes)-1)]})
	}
	prefix, group, grouped := strings.Cut(strings.TrimSuffix(cmd.args, ")"), "(")
	i, need := 0, 0
	for j := 0; j < len(prefix); j++ {
		kind := prefix[j]
		if kind == 'o' {
			in.rest(&i)
			break
		}
		optional := kind == '?'
		if optional {
			j++
			kind = prefix[j]
		} else {
			need++
		}
		if i < len(in.args) && in.args[i].v.spread != nil && strings.ContainsAny(prefix[j:]+group, "kn") {
			kind = 'k' // some of them are keys, so all must be
		}
		in.take(&i, kind)
	}
	if strings.HasSuffix(prefix, "n") {
		in.counted(&i)
	}
	if cmd.name == "ZADD" {
		in.zadd(&i)
	}
	least, most := in.count()
	n := least - float64(need) - float64(len(in.options))
	size := float64(len(group))
	switch {
	case grouped:
		in.exact = n >= size && (size == 1 || least == most && math.Mod(n, size) == 0)
		in.odd = least == most && n > size && math.Mod(n, size) != 0
		for j := 0; i < len(in.args); j++ {
			in.take(&i, group[j%len(group)], group)
		}
	default:
		in.exact = n >= 0 && i == len(in.args)
		for i < len(in.args) {
			in.take(&i, 'x')
		}
	}
	return in
}

// take gives the next argument its kind. A spread is of every kind that the rest of its group is.
func (in *invocation) take(i *int, kind byte, group ...string) {
	if *i >= len(in.args) {
		return
	}
	a := &in.args[*i]
	if a.kind = kind; a.v.spread != nil && (len(group) == 0 || len(group[0]) > 1) {
		a.kind = 'x'
		if len(group) == 0 && kind == 'k' || len(group) > 0 && strings.Contains(group[0], "k") {
			a.kind = 'k'
		}
	}
	if a.kind == 'k' {
		in.keys = append(in.keys, a.byTurns(kind, group))
	}
	*i++
}

// byTurns is the argument as far as it is keys: of a list of keys and others by turns, the former.
func (a *argument) byTurns(kind byte, group []string) argument {
	key := *a
	if len(group) == 0 || kind != 'k' || a.v.spread == nil || a.v.spread.turns == nil || group[0] != "km" {
		return key
	}
	key.v = a.v.spread.turns.odd
	key.v.keyID, key.v.canon, key.v.spread = "", "", a.v.spread
	return key
}

// counted takes the keys behind their number, and all that follows as options.
func (in *invocation) counted(i *int) {
	if *i == 0 || *i == len(in.args) || in.args[*i-1].kind != 'n' {
		return
	}
	n := in.args[*i-1].v
	switch {
	case n.leads != 0 && in.args[*i].v.spread != nil && in.args[*i].v.spread.tab == n.leads: // its first n elements are keys
	default:
		for range int(min(n.asInteger().hi, manyElements)) {
			in.take(i, 'k')
		}
	}
	in.rest(i)
}

func (in *invocation) rest(i *int) {
	for ; *i < len(in.args); *i++ {
		in.args[*i].kind = 'o'
		in.options = append(in.options, in.args[*i])
	}
}

// zadd takes the options, which stand before the scores.
func (in *invocation) zadd(i *int) {
	for *i < len(in.args) {
		a := &in.args[*i]
		if len(a.v.lits) != 1 || !slices.Contains(zaddOptions, strings.ToUpper(a.v.lits[0])) {
			return
		}
		a.kind = 'o'
		in.options = append(in.options, *a)
		*i++
	}
}

// count is how many arguments there are, at least and at most.
func (in *invocation) count() (least, most float64) {
	for _, a := range in.args {
		if a.v.spread != nil {
			least, most = least+a.v.spread.lo, most+a.v.spread.hi
		} else {
			least, most = least+1, most+1
		}
	}
	return least, most
}

// option reports whether a literal option is among the arguments.
func (in *invocation) option(name string) bool { return in.optionAt(name) >= 0 }

func (in *invocation) optionAt(name string) int {
	return slices.IndexFunc(in.options, func(a argument) bool {
		return len(a.v.lits) == 1 && a.v.is(kStr) && strings.EqualFold(a.v.lits[0], name)
	})
}

// harmless reports a call that fails in any case, but only after the server has asked for rights: it serves to ask for them.
func (in *invocation) harmless() bool {
	if !in.cmd.write || len(in.keys) == 0 {
		return false
	}
	for _, a := range in.args {
		if a.v.spread != nil {
			return false
		}
		// Servers take more for a number than one would think (0x1, infinity), so this is the only text that is surely none.
		if strings.IndexByte("ipfb", a.kind) >= 0 && a.v.is(kStr) && len(a.v.lits) == 1 && a.v.lits[0] == "x" {
			return true
		}
	}
	switch in.cmd.name {
	case "SET", "ZADD":
		return in.option("NX") && in.option("XX") || in.odd
	case "HSET", "HMSET", "MSET", "MSETNX":
		return in.odd
	}
	return false
}
