// Package vet reads a script of Redis's Lua and finds what could make it do half of its work, work without bound, do what its
// user may not, or forge a reply. It reads the syntax tree and follows the data along every path; it runs nothing.
//
//	for _, f := range vet.Check(&vet.Script{File: "stock.lua", Text: text}) {
//		fmt.Println(f)
//	}
//
// # What it promises
//
// A script without findings reads and checks first and writes then: no path leads from a write to something that can fail,
// each loop has a bound, commands and keys are those that it names, and no byte of a client or of the data gets into the text of an error
// or status. What Check can't follow it reports and so refuses. It never panics, and its work is bounded whatever
// the text is.
//
// # What it does not know
//
// Whether a script does what its command promises; what single calls cost (HGETALL of a big hash is one call); whether a server is slow.
// It takes for granted that a server behaves as Redis and Valkey from 6.0 on do, that tables which a script fills in
// bounded loops have at most 1,048,576 elements, and that what the Script says about its arguments is checked before it runs,
// and about a function that was vetted by itself (Script.Vetted) is so.
package vet

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// Script is what is to be checked.
type Script struct {
	File string // to be named in findings
	Text string // what will run, parts included; a first line "#!lua …" is passed over
	// Origin says where a line (from 1) of Text came from; nil: from that line of File.
	Origin   func(line int) (file string, fileLine int)
	ReadOnly bool // it must not write
	Keyspace bool // it may SCAN, and use the keys that it finds
	// Args describes ARGV[1], ARGV[2] and so on, as far as they stand at fixed places. What is beyond is taken for any text.
	Args []Arg
	// Declared: KEYS and ARGV have every element that the script reads, since a description of its arguments says so. Else whoever
	// calls it may pass fewer.
	Declared bool
	// MinKeys and MinArgs are how many KEYS and ARGV there are at least if not Declared, MaxKeys and MaxArgs how many the caller lets
	// through at most; 0 is not known.
	MinKeys, MaxKeys, MinArgs, MaxArgs int
	// Vetted names a local function with the parameters KEYS and ARGV whose body was vetted as a script of its own. Here it is taken
	// for what that showed: a call that either fails and has written nothing, or gives any reply; "": there is none.
	Vetted string
}

// Arg is what is known about one element of ARGV before the script runs.
type Arg struct {
	Integer  bool // it is an integer as strconv.FormatInt writes it
	Min, Max int64
	Values   []string // if there are any: all the texts that it can be
	// When is the index (from 1) of the element of ARGV that says whether this one was given. If that has the Value of one of
	// Cases, this is what the case says; else it is empty. 0: it is always given.
	When  int
	Cases []Case
}

// Case is what is known about an argument if another has a value.
type Case struct {
	Value    string
	Integer  bool
	Min, Max int64
}

// Finding is one reason to refuse a script.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in bytes
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Why     string `json:"why"`
	Remedy  string `json:"remedy"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s (%s; %s)", f.File, f.Line, f.Column, f.Rule, f.Message, f.Why, f.Remedy)
}

// Error makes a Finding an error.
func (f Finding) Error() string { return f.String() }

// checker is one run of Check.
type checker struct {
	script   *Script
	at       map[any]position // of each statement and expression
	bracket  map[*ast.AttrGetExpr]bool
	end      position
	disabled string // a rule that is not told; for the test that each rule matters
	findings []Finding
	seen     map[string]bool
}

// Check returns the findings in the order of their places; none means that the script may run.
func Check(s *Script) []Finding { return check(s, "") }

func check(s *Script, disabled string) []Finding {
	c := &checker{script: s, disabled: disabled, seen: map[string]bool{}, at: map[any]position{}, bracket: map[*ast.AttrGetExpr]bool{}}
	c.run()
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
	return c.findings
}

// run goes from what is cheap to what needs it: the text, the names, the paths.
func (c *checker) run() {
	chunk, ok := c.parse()
	if !ok {
		return
	}
	names := c.resolve(chunk)
	if names.follow {
		c.follow(chunk, names)
	}
}

// lineOf names the line of a node for a message.
func (c *checker) lineOf(node any) string {
	line := c.at[node].line
	if c.script.Origin == nil {
		return fmt.Sprintf("line %d", line)
	}
	file, line := c.script.Origin(line)
	if file == c.script.File {
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("line %d of %s", line, file)
}

// report adds a finding at a node, once.
func (c *checker) report(node any, r *RuleInfo, format string, args ...any) {
	c.reportAt(c.at[node], r, format, args...)
}

func (c *checker) reportAt(p position, r *RuleInfo, format string, args ...any) {
	if r.Name == c.disabled {
		return
	}
	if p.line == 0 {
		p = position{1, 1}
	}
	key := fmt.Sprint(p, r.Name)
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	f := Finding{File: c.script.File, Line: p.line, Column: p.column, Rule: r.Name, Message: fmt.Sprintf(format, args...), Why: r.Why, Remedy: r.Remedy}
	if c.script.Origin != nil {
		f.File, f.Line = c.script.Origin(p.line)
	}
	c.findings = append(c.findings, f)
}
