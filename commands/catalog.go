package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/atomicproxy/atomicproxy/scripts"
)

// Sources says where a catalogue comes from.
type Sources struct {
	Builtin     fs.FS  // nil: the embedded files
	Commands    string // a directory with an operator's commands, NAME.lua and NAME.json; "": none
	Application string // a directory with an application's own scripts, which may be called by their SHA1; "": none
}

// Open loads, checks and vets a catalogue: the built-in commands, an operator's, and an application's scripts. The error has
// every problem that was found, a line each, with file, line, the key or rule, and what to do.
func Open(from Sources, s Settings) (*Registry, error) {
	r, err := open(from, s)
	if err != nil {
		return nil, err
	}
	return r, r.vetted()
}

// open is Open without the vetter.
func open(from Sources, s Settings) (*Registry, error) {
	files := newLayers(from.Builtin)
	var problems []error
	add := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	var apps *folder
	var err error
	if from.Commands != "" {
		if files.own, err = readFolder(from.Commands); err == nil {
			err = errors.Join(files.own.checkLock(), files.collisions())
		}
		add(err)
	}
	if from.Application != "" {
		if apps, err = readFolder(from.Application); err == nil {
			err = apps.checkLock()
		}
		add(err)
	}
	if len(problems) > 0 { // what does not belong together is not worth more messages
		return nil, errors.Join(problems...)
	}
	return load(files, apps, s)
}

// load reads and compiles what is there.
func load(files *layers, apps *folder, s Settings) (*Registry, error) {
	if s.PurgeMaxScan < 1 || s.PurgeLimit < 1 || s.PurgeLimit > 100_000 {
		return nil, fmt.Errorf("purge.max_scan must be at least 1 and purge.limit from 1 to 100000, not %d and %d", s.PurgeMaxScan, s.PurgeLimit)
	}
	l := &loader{fsys: files, apps: apps, settings: s, errs: newErrorTexts(), scripts: map[string]*script{}, origins: map[string][]scripts.Line{}}
	return l.load()
}

// collisions refuses an operator's command that would take the place of another one, and files that can't be a command's.
func (l *layers) collisions() error {
	var all []error
	for _, file := range l.own.sources() {
		ext := filepath.Ext(file)
		name := strings.TrimSuffix(file, ext)
		_, err := fs.Stat(l.builtin, file)
		path := l.own.path(file)
		switch {
		case err == nil:
			all = append(all, fmt.Errorf("%s: the proxy has a built-in script of this name: choose another", path))
		case ext != ".json":
		case !isCustomName(name):
			all = append(all, fmt.Errorf("%s: a command's name has 1 to %d small letters, digits, dots, dashes and underscores", path, maxName))
		case Lookup([]byte(name)) != nil || name == "proxy":
			all = append(all, fmt.Errorf("%s: %s is a command of the servers' or of the proxy's own: choose another name", path, strings.ToUpper(name)))
		}
	}
	return errors.Join(all...)
}

func isCustomName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("._-", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// Record is what is known of an application's script besides its text: SHA1.json, beside SHA1.lua. It may be missing.
type Record struct {
	SHA1      string `json:"sha1"`
	Command   string `json:"command"`    // that brought it: "EVAL", "SCRIPT LOAD", …
	FirstSeen string `json:"first_seen"` // RFC 3339
	User      string `json:"user"`
	Client    string `json:"client"` // its address
	Keys      int    `json:"keys"`   // of that call; -1: it was not a call
	// Reviewed is written by whoever allows a script in which the vetter finds something: who, when and why.
	Reviewed string `json:"reviewed"`
}

// application is one script that an application may call by its SHA1.
type application struct {
	file     string // its path
	script   *script
	reviewed bool
}

// applications reads the application's scripts. Their texts run as they are: the SHA1 is their name.
func (l *loader) applications(r *Registry) error {
	if l.apps == nil {
		return nil
	}
	var all []error
	r.apps = map[string]*application{}
	for _, file := range l.apps.names(".lua") {
		a := &application{file: l.apps.path(file)}
		v := newVariant(string(l.apps.files[file]))
		a.script = &script{name: "application " + strings.TrimSuffix(file, ".lua"), foreign: true, v: [2]variant{v, v}}
		record, err := l.record(strings.TrimSuffix(file, ".lua")+".json", v.sha)
		if err != nil {
			all = append(all, err)
		}
		a.reviewed = record.Reviewed != ""
		if r.apps[v.sha] == nil { // the same text twice is one script
			r.apps[v.sha] = a
			l.scripts[a.script.name] = a.script
		}
	}
	for _, file := range l.apps.names(".json") {
		if _, ok := l.apps.files[strings.TrimSuffix(file, ".json")+".lua"]; !ok {
			all = append(all, fmt.Errorf("%s: there is no script beside it", l.apps.path(file)))
		}
	}
	return errors.Join(all...)
}

// record reads what is known of a script, if anything is.
func (l *loader) record(file, sha string) (Record, error) {
	var r Record
	text, ok := l.apps.files[file]
	if !ok {
		return r, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%s:%d: %w", l.apps.path(file), lineOf(text, err), err)
	}
	if r.SHA1 != "" && !strings.EqualFold(r.SHA1, sha) {
		err := fmt.Errorf("sha1: the script has SHA1 %s now: its text is not the application's any more", sha)
		return r, fmt.Errorf("%s:%d: %w", l.apps.path(file), lineOf(text, err), err)
	}
	return r, nil
}

// Application returns the name that the upstream gives to an application's script, if sha names one on the list that this
// upstream can run. Letter case does not matter.
func (r *Registry) Application(sha []byte, up *Upstream) (name string, ok bool) {
	var buf [40]byte
	if len(sha) != len(buf) || len(r.apps) == 0 {
		return "", false
	}
	for i, b := range sha {
		buf[i] = lower(b)
	}
	a := r.apps[string(buf[:])]
	if a == nil || !a.script.runsOn(up) {
		return "", false
	}
	return a.script.v[0].sha, true
}

// Applications is how many scripts of an application are on the list.
func (r *Registry) Applications() int { return len(r.apps) }

// runsOn reports whether an upstream takes the text: not every one knows the first line "#!lua".
func (s *script) runsOn(up *Upstream) bool {
	return !s.foreign || up != nil && up.Shebang || !strings.HasPrefix(s.v[0].body, "#!")
}

// Same reports whether two catalogues were made of the same files of an operator's.
func (r *Registry) Same(o *Registry) bool { return r.hash == o.hash }
