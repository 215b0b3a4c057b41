package commands

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// kind is what the parser must do with an argument; JSON types that need no check of their own are kindString.
type kind uint8

const (
	kindString kind = iota
	kindKey
	kindInteger
	kindToken // a word without a value
	kindOneof
	kindBlock
)

type check uint8

const (
	checkNone check = iota
	checkGlob
	checkPrefix
	checkType
	checkExpiry
)

// arg is a compiled ArgSpec.
type arg struct {
	kind      kind
	check     check
	optional  bool
	multiple  bool
	repeats   bool
	late      bool
	token     string // upper case; "": positional
	children  []arg  // oneof, block
	width     int    // block: how many arguments one of it takes; else 1, a token 0
	countedBy int    // index of the argument that holds the count of a multiple; -1: it goes on to the end

	min, max   int64
	rangeErr   *Error // beyond min and max
	notInteger *Error // nil: Redis's usual one

	unsupported *Error  // to be answered if the token is given
	selects     *script // to be called in place of the command's own
	steps       bool    // the call is carried out in steps
	skip        bool    // not in ARGV
}

// maxArgs bounds the arguments that one command may declare: the parser keeps its findings in an array of this size.
const maxArgs = 24

// choice is an argument, by index, and the alternative of it that is given, as in found.
type choice struct {
	arg int
	alt uint8
}

// conflict is a set of choices that must not all be made while none of others is.
type conflict struct {
	all, none []choice
	err       *Error
}

// grammar is a command's compiled arguments.
type grammar struct {
	args       []arg
	positional int // the first so many come in order; those after them, the options, in any order, each begun by a token
	trailing   int // the one after the options, which repeats to the end; 0: there is none
	conflicts  []conflict
	errs       *errorTexts
	badExpiry  *Error
	syntax     *Error
	badCount   *Error // a number of arguments that the command's arity allows: not an error that aborts a MULTI
}

func compileGrammar(name string, s *Spec, errs *errorTexts, scripts func(name string, flags []string) (*script, error)) (*grammar, error) {
	g := &grammar{errs: errs, badExpiry: errs.add(badExpiry(name))}
	g.syntax = errs.syntax
	if s.Syntax != "" {
		g.syntax = errs.add(s.Syntax)
	}
	if len(s.Arities) > 0 {
		g.badCount = errs.add("ERR wrong number of arguments for '" + name + "' command")
	}
	if len(s.Arguments) > maxArgs {
		return nil, fmt.Errorf("more than %d arguments", maxArgs)
	}
	optional := false
	for i := range s.Arguments {
		a, err := compileArg(&s.Arguments[i], errs, scripts)
		if err != nil {
			return nil, fmt.Errorf("argument %q: %w", s.Arguments[i].Name, err)
		}
		switch {
		case a.isOption():
		case !optional && g.positional == i:
			optional = a.optional
			g.positional++
		case i == len(s.Arguments)-1 && a.multiple && !a.optional && s.Arguments[i].CountedBy == "":
			g.trailing = i
		default:
			return nil, fmt.Errorf("argument %q: stands after one that may be missing", s.Arguments[i].Name)
		}
		if err := linkCount(s.Arguments[:i+1], &a); err != nil {
			return nil, err
		}
		if a.multiple && a.countedBy < 0 && i != len(s.Arguments)-1 {
			return nil, fmt.Errorf("argument %q: repeats to the end, but is not the last", s.Arguments[i].Name)
		}
		g.args = append(g.args, a)
	}
	for _, c := range s.Conflicts {
		all, err := g.choices(c.Tokens)
		if err != nil {
			return nil, fmt.Errorf("conflicts: %w", err)
		}
		none, err := g.choices(c.Without)
		if err != nil {
			return nil, fmt.Errorf("conflicts: %w", err)
		}
		g.conflicts = append(g.conflicts, conflict{all, none, errs.add(c.Error)})
	}
	return g, nil
}

// choices finds what the tokens choose.
func (g *grammar) choices(tokens []string) ([]choice, error) {
	var l []choice
	for _, t := range tokens {
		i := g.optionOf(t)
		if i < 0 {
			return nil, fmt.Errorf("no argument has the token %q", t)
		}
		c := choice{i, 1}
		for k := range g.args[i].children {
			if g.args[i].children[k].token == t {
				c.alt = uint8(k + 1)
			}
		}
		l = append(l, c)
	}
	return l, nil
}

// isOption reports whether the argument always begins with a token, and so can stand anywhere among its like.
func (a *arg) isOption() bool {
	if a.kind != kindOneof {
		return a.token != ""
	}
	for i := range a.children {
		if a.children[i].token == "" {
			return false
		}
	}
	return true
}

// optionOf returns the index of the option that the token begins, as one of its alternatives if it is a oneof; or -1.
func (g *grammar) optionOf(token string) int { return g.option([]byte(token)) }

// linkCount finds the argument that counts a multiple one: it must be an integer and stand before it.
func linkCount(before []ArgSpec, a *arg) error {
	this := &before[len(before)-1]
	a.countedBy = -1
	if this.CountedBy == "" {
		return nil
	}
	for i := range before[:len(before)-1] {
		if before[i].Name == this.CountedBy && before[i].Type == "integer" && before[i].Token == "" && this.Token == "" && this.Multiple {
			a.countedBy = i
			return nil
		}
	}
	return fmt.Errorf("argument %q: counted_by %q is no integer argument before it", this.Name, this.CountedBy)
}

func compileArg(s *ArgSpec, errs *errorTexts, scripts func(string, []string) (*script, error)) (arg, error) {
	a := arg{token: s.Token, optional: s.Optional, multiple: s.Multiple, repeats: s.Repeats, late: s.Late, width: 1, countedBy: -1, min: -maxExact, max: maxExact}
	if s.Unsupported != "" {
		a.unsupported, a.skip = errs.aborting(s.Unsupported), true
	}
	if s.Token != strings.ToUpper(s.Token) {
		return a, errors.New("a token is written in upper case")
	}
	var err error
	switch s.Type {
	case "string", "pattern":
	case "key":
		a.kind = kindKey
	case "integer":
		a.kind = kindInteger
		err = compileRange(s, &a, errs)
	case "pure-token":
		a.kind, a.width = kindToken, 0
		err = compileToken(s, &a, errs, scripts)
	case "oneof":
		a.kind = kindOneof
		err = compileChildren(s, &a, errs, scripts)
	case "block":
		a.kind = kindBlock
		err = compileChildren(s, &a, errs, scripts)
	default:
		err = fmt.Errorf("type %q is not known here", s.Type)
	}
	if err != nil {
		return a, err
	}
	if a.late && (a.kind != kindInteger || a.multiple) {
		return a, errors.New("only a single integer can be checked late")
	}
	if a.multiple && (a.kind == kindToken || a.kind == kindOneof) {
		return a, errors.New("must not be multiple")
	}
	switch s.Check {
	case "":
	case "glob":
		a.check = checkGlob
	case "glob-prefix":
		a.check = checkPrefix
	case "type-name":
		a.check = checkType
	case "expiry":
		a.check = checkExpiry
		if expiryUnits[s.Token].unit == 0 {
			return a, errors.New("an expiry is that of EX, PX, EXAT or PXAT")
		}
	default:
		return a, fmt.Errorf("check %q is not known", s.Check)
	}
	if a.check != checkNone && (a.kind != kindString || a.multiple) {
		return a, errors.New("only a single string can be checked")
	}
	return a, nil
}

// maxExact is the largest integer up to which a script's doubles are exact.
const maxExact = 1<<53 - 1

func compileRange(s *ArgSpec, a *arg, errs *errorTexts) error {
	if s.NotInteger != "" {
		a.notInteger = errs.add(s.NotInteger)
	}
	if s.Min == nil && s.Max == nil {
		return nil
	}
	if s.RangeError == "" {
		return errors.New("min and max need a range_error")
	}
	a.rangeErr = errs.add(s.RangeError)
	if s.Min != nil {
		a.min = *s.Min
	}
	if s.Max != nil {
		a.max = *s.Max
	}
	if a.min > a.max || a.min < -maxExact || a.max > maxExact {
		return fmt.Errorf("min and max must lie within %d", int64(maxExact))
	}
	return nil
}

func compileToken(s *ArgSpec, a *arg, errs *errorTexts, scripts func(string, []string) (*script, error)) error {
	if s.Token == "" {
		return errors.New("a pure-token needs a token")
	}
	if s.Steps {
		a.steps, a.skip = true, true
	}
	if s.Script != "" {
		sc, err := scripts(s.Script, s.ScriptFlags)
		if err != nil {
			return err
		}
		a.selects, a.skip = sc, true
	}
	return nil
}

// compileChildren takes simple children only: a oneof's may have tokens, a block's must not. That is enough for
// [EX s|PX ms|KEEPTTL] and for [FIELDS n field ...], and what it can't read it refuses.
func compileChildren(s *ArgSpec, a *arg, errs *errorTexts, scripts func(string, []string) (*script, error)) error {
	if len(s.Arguments) == 0 || len(s.Arguments) > math.MaxUint8 {
		return errors.New("has no arguments, or too many")
	}
	a.width = 0
	for i := range s.Arguments {
		c, err := compileArg(&s.Arguments[i], errs, scripts)
		if err != nil {
			return fmt.Errorf("%q: %w", s.Arguments[i].Name, err)
		}
		if c.optional || c.multiple || len(c.children) > 0 || c.skip {
			return fmt.Errorf("%q: must be a single plain argument", s.Arguments[i].Name)
		}
		if a.kind == kindBlock && c.token != "" {
			return fmt.Errorf("%q: must have no token inside a block", s.Arguments[i].Name)
		}
		if a.kind == kindOneof && c.kind == kindKey {
			return fmt.Errorf("%q: a oneof can't hold a key", s.Arguments[i].Name)
		}
		a.width += c.width
		a.children = append(a.children, c)
	}
	if a.kind == kindOneof && s.Token != "" {
		return errors.New("a oneof's alternatives have the tokens, not the oneof")
	}
	return nil
}
