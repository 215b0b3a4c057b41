package commands

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// MaxStepKeys bounds the keys of one step: the script's tables, and what a server takes in one command, are far above.
const MaxStepKeys = 100_000

// Steps is a call of PURGE with SNAPSHOT or SWEEP: many calls of the upstream, which whoever carries it out makes one after
// another. It finds keys by AppendScan, and has them judged anew, and removed, by scripts that get them as KEYS: so what does
// not match any more stays, and nothing is removed that the user may not. It belongs to one call and is kept by it.
type Steps struct {
	Sweep  bool // else SNAPSHOT: what was found goes in one step
	DryRun bool // nothing is removed: the count is what would be
	Limit  int  // SNAPSHOT: with more matches nothing is removed; at most MaxStepKeys

	scripts *steps
	argv    [][]byte // as ARGV of the command's own script, see purge.lua
}

// steps are a command's compiled StepScripts.
type steps struct{ remove, match *script }

// Where the arguments stand in ARGV, from 0.
const (
	argPattern  = 1
	argLimit    = 2
	argType     = 4
	argIdle     = 6
	argNoExpire = 8
	argValue    = 9
	argBounds   = 11 // purge.max_scan and purge.limit
	argsOfPurge = 13
)

// compileSteps finds the scripts, and makes sure that PURGE's arguments are those that Steps reads.
func (l *loader) compileSteps(c *Custom) (*steps, error) {
	s := c.spec.Steps
	if given := slices.ContainsFunc(c.grammar.args, func(a arg) bool { return a.steps }); given != (s != nil) {
		return nil, errors.New("steps: scripts and an option belong together")
	}
	if s == nil {
		return nil, nil
	}
	if c.name != "purge" {
		return nil, errors.New("steps: only PURGE has them")
	}
	var out steps
	var err error
	if out.remove, err = l.script(s.Remove, []string{"WRITE"}); err != nil {
		return nil, err
	}
	if out.match, err = l.script(s.Match, []string{"READONLY"}); err != nil {
		return nil, err
	}
	return &out, nil
}

// plan returns how to carry the call out in steps; nil: it is one of a single script.
func (c *Custom) plan(args [][]byte, f *[maxArgs]found) *Steps {
	dryRun, sweep, stepwise := false, false, false
	for i := range c.grammar.args {
		if a := &c.grammar.args[i]; f[i].alt != 0 {
			dryRun = dryRun || a.selects != nil
			sweep = sweep || a.steps && a.token == "SWEEP"
			stepwise = stepwise || a.steps
		}
	}
	if !stepwise {
		return nil
	}
	p := Steps{scripts: c.steps, DryRun: dryRun, Sweep: sweep}
	var w frame
	c.putArgv(&w, args, f)
	p.argv = bulks(w.dst)
	limit := p.argv[argLimit+1]
	if !p.given(argLimit) {
		limit = p.argv[argsOfPurge-1]
	}
	p.Limit, _ = strconv.Atoi(string(limit))
	return &p
}

// given reports whether an optional argument is.
func (p *Steps) given(at int) bool { return string(p.argv[at]) == "1" }

// Mode is the word that the client gave.
func (p *Steps) Mode() string {
	if p.Sweep {
		return "SWEEP"
	}
	return "SNAPSHOT"
}

// Pattern is the glob that keys must match, fit to be shown.
func (p *Steps) Pattern() string { return escaped(p.argv[argPattern], maxPattern) }

// ByIdle reports whether keys are chosen by the time since they were used, which servers don't know under an LFU policy.
func (p *Steps) ByIdle() bool { return p.given(argIdle) }

// Conditional reports whether keys must meet more than SCAN looks at.
func (p *Steps) Conditional() bool {
	return p.given(argIdle) || p.given(argNoExpire) || p.given(argValue)
}

// kind is the type that SCAN is to filter by; "": every one. ok is false where no key can match.
func (p *Steps) kind() (kind string, ok bool) {
	if p.given(argType) {
		kind = string(p.argv[argType+1])
	}
	if p.given(argValue) {
		return "string", kind == "" || kind == "string"
	}
	return kind, true
}

// Nothing reports whether no key can match: IFEQ is about strings.
func (p *Steps) Nothing() bool {
	_, ok := p.kind()
	return !ok
}

// Spares reports whether a key that SCAN named is passed over: it holds a token of ONCE, and the pattern does not say so.
func (p *Steps) Spares(key []byte) bool {
	return bytes.Contains(key, []byte(onceTag)) && !bytes.Contains(p.argv[argPattern], []byte(onceTag))
}

// AppendScan appends the SCAN that goes on from a cursor, "0" being the beginning, and looks at about count keys.
func (p *Steps) AppendScan(dst, cursor []byte, count int) []byte {
	kind, _ := p.kind()
	w := frame{dst: dst}
	n := 6
	if kind != "" {
		n = 8
	}
	w.array(n)
	w.text("SCAN")
	w.bulk(cursor)
	w.text("MATCH")
	w.bulk(p.argv[argPattern])
	w.text("COUNT")
	w.number(int64(count))
	if kind != "" {
		w.text("TYPE")
		w.text(kind)
	}
	return w.dst
}

// AppendRemove appends the call that removes those of the keys that still match, all in one step; its reply is how many
// that were. At most MaxStepKeys.
func (p *Steps) AppendRemove(dst []byte, keys [][]byte, up *Upstream) []byte {
	return p.appendCall(dst, p.scripts.remove, keys, up)
}

// AppendMatch appends the call whose reply is the places, from 1, of those of the keys that match. At most MaxStepKeys.
func (p *Steps) AppendMatch(dst []byte, keys [][]byte, up *Upstream) []byte {
	return p.appendCall(dst, p.scripts.match, keys, up)
}

func (p *Steps) appendCall(dst []byte, s *script, keys [][]byte, up *Upstream) []byte {
	argv := p.argv[argType:argBounds]
	w := frame{dst: dst}
	w.call(s, up, len(keys)+len(argv))
	w.number(int64(len(keys)))
	for _, k := range keys {
		w.bulk(k)
	}
	for _, a := range argv {
		w.bulk(a)
	}
	return w.dst
}

// Printable is a call as one line for a log: nothing in it can end the line or look like another argument. Long arguments
// are cut.
func Printable(args [][]byte) string {
	var b strings.Builder
	for i, a := range args {
		most := 64
		if i < 3 {
			most = maxPattern // the pattern, be it behind PREFIX or not
		}
		text := escaped(a, most)
		if i > 0 {
			b.WriteByte(' ')
		}
		if text == "" || strings.ContainsAny(text, ` "`) {
			text = `"` + strings.ReplaceAll(text, `"`, `\x22`) + `"`
		}
		b.WriteString(text)
	}
	return b.String()
}
