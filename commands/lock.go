package commands

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// LockName is the file that pins what was vetted in a directory of scripts: a line for each file, its SHA-256 and its name,
// as sha256sum writes and checks them. A line that begins with # is a comment.
const LockName = "scripts.lock"

const lockHeader = `# What was vetted in this directory. The proxy takes these files, all of them and no others.
# Written by: proxy vet --write-lock
`

// WriteLock pins the scripts of a directory as they are now. It does not judge them: Vet does.
func WriteLock(dir string) error {
	f, err := readFolder(dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(lockHeader)
	for _, name := range f.sources() {
		fmt.Fprintf(&b, "%s  %s\n", sum(f.files[name]), name)
	}
	return replaceFile(filepath.Join(dir, LockName), []byte(b.String()))
}

// replaceFile writes a file so that whoever reads it finds the old or the new one, whole.
func replaceFile(path string, b []byte) error {
	t, err := os.CreateTemp(filepath.Dir(path), ".scripts-*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name()) // not there any more if all went well
	_, err = t.Write(b)
	if err = errors.Join(err, t.Chmod(0o644), t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), path)
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// sources lists what the lock must have.
func (f *folder) sources() []string {
	names := append(f.names(".lua"), f.names(".json")...)
	slices.Sort(names)
	return names
}

// checkLock compares the files with the lock. The error has every difference, a line each, with what to do.
func (f *folder) checkLock() error {
	remedy := "look at it, then: proxy vet --write-lock " + f.dir
	text, ok := f.files[LockName]
	if !ok {
		return fmt.Errorf("%s: there is none: review the scripts, then: proxy vet --write-lock %s", f.path(LockName), f.dir)
	}
	var all []error
	locked := map[string]bool{}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		at := fmt.Sprintf("%s:%d", f.path(LockName), n)
		hash, name, ok := strings.Cut(string(line), "  ")
		content, there := f.files[name]
		switch {
		case !ok || len(hash) != sha256.Size*2 || !isSource("x"+name) || locked[name]:
			all = append(all, fmt.Errorf("%s: not a line of this form: SHA-256, two spaces, and a file's name, once", at))
		case !there:
			all = append(all, fmt.Errorf("%s: %s is listed and not there: put it back, or: proxy vet --write-lock %s", at, name, f.dir))
		case sum(content) != hash:
			all = append(all, fmt.Errorf("%s: changed since it was vetted (%s): %s", f.path(name), at, remedy))
		}
		locked[name] = true
	}
	for _, name := range f.sources() {
		if !locked[name] {
			all = append(all, fmt.Errorf("%s: not in %s: %s", f.path(name), LockName, remedy))
		}
	}
	return errors.Join(all...)
}
