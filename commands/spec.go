package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Spec is a command's NAME.json: Redis's own form, and what this catalogue adds to it.
type Spec struct {
	Summary       string          `json:"summary"`
	Complexity    string          `json:"complexity"`
	Group         string          `json:"group"`
	Since         string          `json:"since"`
	Arity         int             `json:"arity"` // as Redis counts: with the name; negative is a minimum
	CommandFlags  []string        `json:"command_flags"`
	ACLCategories []string        `json:"acl_categories"`
	KeySpecs      json.RawMessage `json:"key_specs"`
	Arguments     []ArgSpec       `json:"arguments"`
	ReplySchema   json.RawMessage `json:"reply_schema"`

	Keyspace  bool       `json:"keyspace"`  // scans the keyspace: Call.Gate
	Bound     string     `json:"bound"`     // what limits its work
	Retry     string     `json:"retry"`     // S, A or U: what a repeat does
	Requires  string     `json:"requires"`  // lowest upstream version
	Native    []string   `json:"native"`    // upstreams that have the command themselves: there it passes. Found by asking, not by version
	Needs     []string   `json:"needs"`     // the rights that a user needs beside evalsha
	Arities   []int      `json:"arities"`   // the only numbers of arguments, the name included, where arity alone can't say
	Syntax    string     `json:"syntax"`    // the complete error for what is no option, if not Redis's usual one
	Conflicts []Conflict `json:"conflicts"` // tokens that can't stand together, or not without another
	Settings  []string   `json:"settings"`  // names of settings whose values follow the arguments in ARGV

	Examples []Example `json:"examples"` // for the reference; a test runs them, one after the other from an empty database

	Steps        *StepScripts  `json:"steps"`        // what the calls with a "steps" option run
	Wraps        bool          `json:"wraps"`        // its last arguments are another command: parsed by ONCE's own code, not by what Arguments say
	Extends      []string      `json:"extends"`      // the command is every server's; ours are the calls with these options, where they are lacking
	Translations []Translation `json:"translations"` // what to call where the upstream has that; the first that fits
}

// Example is a call as one types it into redis-cli, and what redis-cli prints on a terminal, lines separated by \n. A "…" in
// the reply stands for digits that differ from run to run: times, generated ids.
type Example struct {
	Call  string `json:"call"`
	Reply string `json:"reply"`
}

// StepScripts names the scripts of calls that are carried out in steps: see Steps.
type StepScripts struct {
	Remove string `json:"remove"` // removes those of its keys that match
	Match  string `json:"match"`  // tells which of its keys do
}

// Translation is a call of another command that does the same. Args names arguments, which must be single values, or holds
// words in upper case.
type Translation struct {
	Command    string   `json:"command"`
	Everywhere bool     `json:"everywhere"` // every server has it
	Given      []string `json:"given"`      // the options, by token, that the call must have, and no others
	Args       []string `json:"args"`
}

// ArgSpec is one argument. Name, Type, Token, Optional, Multiple and Arguments are Redis's.
type ArgSpec struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Token     string    `json:"token"`
	Optional  bool      `json:"optional"`
	Multiple  bool      `json:"multiple"`
	Arguments []ArgSpec `json:"arguments"`
	Summary   string    `json:"summary"`

	CountedBy   string   `json:"counted_by"`   // multiple: the argument before it that says how many there are
	Min         *int64   `json:"min"`          // integer: bounds, and the complete error beyond them
	Max         *int64   `json:"max"`          //
	RangeError  string   `json:"range_error"`  //
	NotInteger  string   `json:"not_integer"`  // integer: the complete error for what is none, if not Redis's usual one
	Late        bool     `json:"late"`         // integer: checked once all arguments have been found
	Check       string   `json:"check"`        // string: "glob", "glob-prefix" (sent as an escaped pattern), "type-name", "expiry" (of EX, PX, EXAT or PXAT)
	Repeats     bool     `json:"repeats"`      // option: may be given again, in a oneof the same alternative; the last one counts
	Unsupported string   `json:"unsupported"`  // option: known, but answered with this error
	Script      string   `json:"script"`       // pure-token: selects this script in place of the command's own; not in ARGV
	ScriptFlags []string `json:"script_flags"` // command_flags of that script
	Steps       bool     `json:"steps"`        // pure-token: the call is carried out in steps; not in ARGV
}

// Conflict is a complete error for tokens that are given together, none of those in Without being given.
type Conflict struct {
	Tokens  []string `json:"tokens"`
	Without []string `json:"without"`
	Error   string   `json:"error"`
}

// readSpec reads one NAME.json. A key that is not known is an error: a mistyped bound must not go unseen.
func readSpec(fsys fs.FS, file string) (name string, s *Spec, err error) {
	b, err := fs.ReadFile(fsys, file)
	if err != nil {
		return "", nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var m map[string]*Spec
	if err := d.Decode(&m); err != nil {
		return "", nil, err
	}
	if d.More() {
		return "", nil, errors.New("something follows the command")
	}
	for name, s = range m {
		if len(m) != 1 || strings.ToLower(name)+".json" != file || name != strings.ToUpper(name) || s == nil {
			return "", nil, fmt.Errorf("must hold one command, named %q", strings.ToUpper(strings.TrimSuffix(file, ".json")))
		}
	}
	if s == nil {
		return "", nil, errors.New("holds no command")
	}
	if err := s.check(); err != nil {
		return "", nil, err
	}
	return strings.ToLower(name), s, nil
}

// check demands what every command must tell its users.
func (s *Spec) check() error {
	for _, must := range []struct{ key, value string }{{"summary", s.Summary}, {"complexity", s.Complexity}, {"bound", s.Bound}} {
		if must.value == "" {
			return fmt.Errorf("%s must not be empty", must.key)
		}
	}
	if s.Arity == 0 {
		return fmt.Errorf("arity must not be 0")
	}
	if s.Retry != "S" && s.Retry != "A" && s.Retry != "U" {
		return fmt.Errorf("retry must be S, A or U, not %q", s.Retry)
	}
	return nil
}
