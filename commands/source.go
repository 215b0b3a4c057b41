package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/atomicproxy/atomicproxy/scripts"
)

// Bounds of what is read from an operator's directory, so that a path named by mistake does not fill memory.
const (
	maxSourceFiles = 2000
	maxSourceSize  = 256 << 10 // bytes of one file: the vetter takes no longer text
)

// folder is what a directory of scripts held when it was read. Everything is judged and used from here, so that what was
// vetted is what runs, whatever happens to the files meanwhile.
type folder struct {
	dir   string
	files map[string][]byte // NAME.lua, NAME.json and scripts.lock by name
}

// readFolder reads the scripts, their descriptions and the lock. Other files are of no interest, nor are directories.
func readFolder(dir string) (*folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir, files: map[string][]byte{}}
	for _, e := range entries {
		name := e.Name()
		if !isSource(name) && name != LockName {
			continue
		}
		if len(f.files) == maxSourceFiles {
			return nil, fmt.Errorf("%s: more than %d files: not a directory of scripts", dir, maxSourceFiles)
		}
		b, err := readSource(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		f.files[name] = b
	}
	return f, nil
}

// isSource reports whether a file takes part. What begins with a dot is an editor's or a mount's own.
func isSource(name string) bool {
	ext := filepath.Ext(name)
	return (ext == ".lua" || ext == ".json") && name[0] != '.'
}

func readSource(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxSourceSize+1))
	if err == nil && len(b) > maxSourceSize {
		err = fmt.Errorf("%s: longer than %d bytes", path, maxSourceSize)
	}
	return b, err
}

// names lists the files with that extension, sorted.
func (f *folder) names(ext string) []string {
	var out []string
	for name := range f.files {
		if isSource(name) && filepath.Ext(name) == ext {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// hash is one for all files.
func (f *folder) hash() string {
	if f == nil {
		return "none"
	}
	var all strings.Builder
	for _, name := range f.sources() {
		all.WriteString(sum(f.files[name]) + " " + name + "\n")
	}
	return sum([]byte(all.String()))
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// layers shows the embedded files and an operator's as one file system. No name may be in both.
type layers struct {
	builtin fs.FS
	own     *folder // nil: none
}

// newLayers is what is there without an operator's files. nil: the embedded ones.
func newLayers(builtin fs.FS) *layers {
	if builtin == nil {
		builtin = scripts.FS
	}
	return &layers{builtin: builtin}
}

func (l *layers) Open(name string) (fs.File, error) { return l.builtin.Open(name) }

// ReadFile serves fs.ReadFile.
func (l *layers) ReadFile(name string) ([]byte, error) {
	if l.isOwn(name) {
		return l.own.files[name], nil
	}
	return fs.ReadFile(l.builtin, name)
}

// Glob serves fs.Glob. Both layers are flat, and the only patterns asked for are "*" and an extension.
func (l *layers) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(l.builtin, pattern)
	if l.own != nil {
		names = append(names, l.own.names(strings.TrimPrefix(pattern, "*"))...)
	}
	return names, err
}

func (l *layers) isOwn(name string) bool {
	if l.own == nil {
		return false
	}
	_, ok := l.own.files[name]
	return ok
}

// where is how messages name a file.
func (l *layers) where(name string) string {
	if l.isOwn(name) {
		return l.own.path(name)
	}
	return name
}

// located puts file and line before an error about a NAME.json.
func (l *layers) located(name string, err error) error {
	text, readErr := l.ReadFile(name)
	if readErr != nil {
		return err
	}
	return fmt.Errorf("%s:%d: %w", l.where(name), lineOf(text, err), err)
}

var (
	errorField    = regexp.MustCompile(`unknown field "([^"]+)"`)
	errorArgument = regexp.MustCompile(`argument "([^"]+)"`)
	errorKey      = regexp.MustCompile(`^([a-z0-9_]+)\b`)
)

// lineOf finds the line that an error speaks of, from 1: by the decoder's offset, or by the key or argument that it names.
func lineOf(text []byte, err error) int {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := 0
	switch {
	case errors.As(err, &syntax):
		offset = int(syntax.Offset)
	case errors.As(err, &kind):
		offset = int(kind.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		offset = len(text)
	default:
		for _, try := range []struct {
			of      *regexp.Regexp
			pattern string
		}{{errorField, `"%s"\s*:`}, {errorArgument, `"name"\s*:\s*"%s"`}, {errorKey, `"%s"\s*:`}} {
			m := try.of.FindStringSubmatch(err.Error())
			if m == nil {
				continue
			}
			if at := regexp.MustCompile(fmt.Sprintf(try.pattern, regexp.QuoteMeta(m[1]))).FindIndex(text); at != nil {
				offset = at[0] + 1
				break
			}
		}
	}
	offset = min(max(offset-1, 0), len(text))
	return 1 + strings.Count(string(text[:offset]), "\n")
}
