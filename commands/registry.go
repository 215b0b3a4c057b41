package commands

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/scripts"
)

// Settings are the configuration's values that commands depend on.
type Settings struct {
	PurgeMaxScan      int64 // purge.max_scan: keys that a database may have for one PURGE to look at, at least 1
	PurgeLimit        int64 // purge.limit: keys that a PURGE without LIMIT may remove, 1 to 100,000
	AllowWildcardOnly bool  // purge.allow_wildcard_only: take patterns that match every key
}

// Registry is a loaded catalogue. It does not change.
type Registry struct {
	byName  map[string]*Custom
	lengths uint64 // bit n: some name has n bytes
	scripts []*script
	fail    *script
	marker  *script
	probes  []Probe
	once    *once                   // nil: the catalogue has no ONCE
	apps    map[string]*application // by SHA1
	files   *layers
	hash    string                    // of the files that are not built in
	origins map[string][]scripts.Line // by script: where each line came from
}

// Custom is one command of the catalogue.
type Custom struct {
	name     string
	spec     *Spec
	arity    int
	arityErr *Error
	grammar  *grammar
	keys     []KeySpec
	script   *script
	settings []string // values, in ARGV after the arguments
	steps    *steps   // nil: no call is carried out in steps
	allowAny bool

	once         *once  // set: the command is ONCE
	native       uint64 // the bits of Upstream.Native that say that the upstream has it all; 0: no upstream does
	extends      []extension
	translations []translation
}

// Name is the command's name in lower case.
func (c *Custom) Name() string { return c.name }

// Spec is what the command's JSON says. It must not be changed.
func (c *Custom) Spec() *Spec { return c.spec }

// Text is a script as SCRIPT LOAD takes it.
type Text struct {
	Name, SHA1, Body string
	Foreign          bool // an application's: the catalogue does without it if the upstream does not take it
}

// Load reads and compiles all NAME.json and NAME.lua in fsys. Any doubt is an error: a key of the JSON that is not known,
// a script that no command calls, a command without a script.
func Load(fsys fs.FS, s Settings) (*Registry, error) {
	r, err := load(newLayers(fsys), nil, s)
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	return r, nil
}

// Lookup returns the command of that name, in any letter case, or nil. It does not allocate.
func (r *Registry) Lookup(name []byte) *Custom {
	if len(name) > maxName || r.lengths>>len(name)&1 == 0 {
		return nil
	}
	var buf [maxName]byte
	for i, b := range name {
		buf[i] = lower(b)
	}
	return r.byName[string(buf[:len(name)])]
}

// Commands returns all commands in the order of their names.
func (r *Registry) Commands() []*Custom {
	var l []*Custom
	for _, c := range r.byName {
		l = append(l, c)
	}
	slices.SortFunc(l, func(a, b *Custom) int { return strings.Compare(a.name, b.name) })
	return l
}

// Texts returns what SCRIPT LOAD must load, in this order: the marker is the last.
func (r *Registry) Texts(up *Upstream) []Text {
	var l []Text
	for _, s := range append(slices.Clone(r.scripts), r.fail, r.marker) {
		if s.runsOn(up) {
			v := s.variant(up)
			l = append(l, Text{s.name, v.sha, v.body, s.foreign})
		}
	}
	return l
}

// AppendFail appends a call whose reply is the error text of that number.
func (r *Registry) AppendFail(dst []byte, code int, up *Upstream) []byte {
	w := frame{dst: dst}
	w.call(r.fail, up, 1)
	w.number(0)
	w.number(int64(code))
	return w.dst
}

// AppendMarker appends the call that every upstream connection begins with. Its reply is a bulk string if this very
// catalogue is loaded, else NOSCRIPT.
func (r *Registry) AppendMarker(dst []byte, up *Upstream) []byte {
	w := frame{dst: dst}
	w.call(r.marker, up, 0)
	w.number(0)
	return w.dst
}

// loader holds what Load has found so far.
type loader struct {
	fsys     *layers
	apps     *folder // nil: none
	origins  map[string][]scripts.Line
	settings Settings
	errs     *errorTexts
	scripts  map[string]*script
	probes   []Probe
}

func (l *loader) load() (*Registry, error) {
	specs, err := fs.Glob(l.fsys, "*.json")
	if err != nil {
		return nil, err
	}
	r := &Registry{byName: map[string]*Custom{}, files: l.fsys, origins: l.origins, hash: l.fsys.own.hash() + l.apps.hash()}
	var problems []error
	for _, file := range specs {
		c, err := l.custom(file)
		if err != nil {
			problems = append(problems, l.fsys.located(file, err))
			continue
		}
		r.byName[c.name] = c
		r.lengths |= 1 << len(c.name)
	}
	r.probes = l.probes
	if problems = append(problems, l.applications(r)); errors.Join(problems...) != nil {
		return nil, errors.Join(problems...)
	}
	if err := l.loadOnce(r); err != nil {
		return nil, err
	}
	if err := l.orphans(); err != nil {
		return nil, err
	}
	for _, name := range sortedNames(l.scripts) {
		r.scripts = append(r.scripts, l.scripts[name])
	}
	readOnly := []string{"READONLY"}
	if r.fail, err = l.template("fail", "{--[[texts]]}", func(int) string { return luaTexts(l.errs.list) }, readOnly); err != nil {
		return nil, err
	}
	r.marker, err = l.template("marker", "--[[catalogue]]", func(v int) string { return catalogueHash(append(r.scripts, r.fail), v) }, readOnly)
	return r, err
}

func (l *loader) custom(file string) (*Custom, error) {
	name, spec, err := readSpec(l.fsys, file)
	if err != nil {
		return nil, err
	}
	if len(name) > maxName {
		return nil, fmt.Errorf("a name has at most %d bytes", maxName)
	}
	c := &Custom{name: name, spec: spec, arity: spec.Arity, allowAny: l.settings.AllowWildcardOnly}
	c.arityErr = &Error{Text: "ERR wrong number of arguments for '" + name + "' command", Arity: true}
	if spec.Wraps {
		c.grammar = &grammar{errs: l.errs, badExpiry: l.errs.add(badExpiry(name))}
		c.keys, err = parseKeySpecs(spec.KeySpecs)
		return c, err
	}
	if c.script, err = l.script(name, spec.CommandFlags); err != nil {
		return nil, err
	}
	if c.grammar, err = compileGrammar(name, spec, l.errs, l.script); err != nil {
		return nil, err
	}
	if c.keys, err = parseKeySpecs(spec.KeySpecs); err != nil {
		return nil, err
	}
	if c.steps, err = l.compileSteps(c); err != nil {
		return nil, err
	}
	if err := l.compileNative(c); err != nil {
		return nil, err
	}
	for _, s := range spec.Settings {
		v, err := l.setting(s)
		if err != nil {
			return nil, err
		}
		c.settings = append(c.settings, v)
	}
	return c, nil
}

func (l *loader) setting(name string) (string, error) {
	switch name {
	case "purge.max_scan":
		return strconv.FormatInt(l.settings.PurgeMaxScan, 10), nil
	case "purge.limit":
		return strconv.FormatInt(l.settings.PurgeLimit, 10), nil
	}
	return "", fmt.Errorf("settings: %q is not known", name)
}

// orphans refuses a script that nothing calls: it would be loaded, or forgotten, unseen.
func (l *loader) orphans() error {
	files, err := fs.Glob(l.fsys, "*.lua")
	if err != nil {
		return err
	}
	for _, f := range files {
		name := strings.TrimSuffix(f, ".lua")
		if l.scripts[name] == nil && name != "fail" && name != "marker" && name != "once" {
			return fmt.Errorf("%s: no command calls it", l.fsys.where(f))
		}
	}
	return nil
}

// catalogueHash is over the names and texts of one variant of all scripts.
func catalogueHash(scripts []*script, variant int) string {
	h := sha256.New()
	for _, s := range scripts {
		fmt.Fprintf(h, "%s %d\n%s\n", s.name, len(s.v[variant].body), s.v[variant].body)
	}
	return hex.EncodeToString(h.Sum(nil))
}
