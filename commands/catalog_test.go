package commands

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goodCommand is a command that nothing is wrong with.
const goodCommand = `local was = redis.pcall('GET', KEYS[1])
if type(was) == 'table' and was.err then return was end
return was
`

func goodJSON(name string) string {
	return `{
    "` + name + `": {
        "summary": "Reads.", "complexity": "O(1)", "group": "string", "since": "1", "arity": 2,
        "command_flags": ["READONLY"],
        "bound": "One key.", "retry": "S", "requires": "6.0.0", "needs": ["get"],
        "arguments": [
            {"name": "key", "type": "key"}
        ]
    }
}
`
}

// writeDir makes a directory with these files and, unless they have one, a lock of them.
func writeDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := files[LockName]; !ok {
		if err := WriteLock(dir); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func good() map[string]string {
	return map[string]string{"shop.read.lua": goodCommand, "shop.read.json": goodJSON("SHOP.READ"), "README.md": "not looked at", ".hidden.lua": "nor this"}
}

func TestOperatorsCommands(t *testing.T) {
	r, err := Open(Sources{Commands: writeDir(t, good())}, testSettings)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Lookup([]byte("Shop.Read"))
	if c == nil || r.Lookup([]byte("purge")) == nil {
		t.Fatal("a command is not there")
	}
	out, call, e := c.Rewrite(nil, [][]byte{[]byte("shop.read"), []byte("k")}, &Upstream{Scripts: true})
	if e != nil || !call.ReadOnly || !strings.Contains(string(out), "EVALSHA") {
		t.Errorf("%q %+v %v", out, call, e)
	}
	builtin, err := Open(Sources{}, testSettings)
	if err != nil {
		t.Fatal(err)
	}
	if string(builtin.AppendMarker(nil, &Upstream{})) == string(r.AppendMarker(nil, &Upstream{})) || builtin.Same(r) || !r.Same(r) {
		t.Error("the catalogue with one command more has the same marker")
	}
}

// TestOperatorsErrors: each problem is told with its file, its line where there is one, the key, and what to do.
func TestOperatorsErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(files map[string]string)
		want   []string
	}{
		"no lock":      {func(f map[string]string) { f[LockName] = "" }, []string{"shop.read.json: not in scripts.lock: look at it, then: proxy vet --write-lock "}},
		"not the form": {func(f map[string]string) { f[LockName] = "# comment\nabc  shop.read.lua\n" }, []string{"scripts.lock:2: not a line of this form"}},
		"gone":         {func(f map[string]string) { f[LockName] = sum(nil) + "  old.lua\n" }, []string{"scripts.lock:1: old.lua is listed and not there", "shop.read.lua: not in"}},
		"changed": {func(f map[string]string) {
			f[LockName] = sum([]byte(f["shop.read.json"])) + "  shop.read.json\n" + sum(nil) + "  shop.read.lua\n"
		}, []string{"shop.read.lua: changed since it was vetted ("}},
		"twice": {func(f map[string]string) {
			f[LockName] = strings.Repeat(sum([]byte(f["shop.read.json"]))+"  shop.read.json\n", 2)
		}, []string{"scripts.lock:2: not a line", "shop.read.lua: not in"}},
		"built-in name":  {func(f map[string]string) { f["purge.json"] = goodJSON("PURGE") }, []string{"purge.json: the proxy has a built-in script of this name"}},
		"built-in file":  {func(f map[string]string) { f["marker.lua"] = "return 1" }, []string{"marker.lua: the proxy has a built-in script"}},
		"native name":    {func(f map[string]string) { f["get.json"], f["get.lua"] = goodJSON("GET"), goodCommand }, []string{"get.json: GET is a command of the servers' or of the proxy's own"}},
		"native, future": {func(f map[string]string) { f["xdelex.json"], f["xdelex.lua"] = goodJSON("XDELEX"), goodCommand }, []string{"xdelex.json: XDELEX is"}},
		"proxy":          {func(f map[string]string) { f["proxy.json"], f["proxy.lua"] = goodJSON("PROXY"), goodCommand }, []string{"proxy.json: PROXY is"}},
		"bad name":       {func(f map[string]string) { f["a b.json"] = goodJSON("A B") }, []string{"a b.json: a command's name has"}},
		"long name":      {func(f map[string]string) { f[strings.Repeat("a", 25)+".json"] = "{}" }, []string{"a command's name has 1 to 24"}},
		"orphan":         {func(f map[string]string) { f["more.lua"] = goodCommand }, []string{"more.lua: no command calls it"}},
		"no script":      {func(f map[string]string) { delete(f, "shop.read.lua") }, []string{"shop.read.json:1: open shop.read.lua"}},
		"syntax": {func(f map[string]string) {
			f["shop.read.json"] = strings.Replace(f["shop.read.json"], `"O(1)",`, `"O(1)" "x"`, 1)
		}, []string{"shop.read.json:3: invalid character"}},
		"wrong type": {func(f map[string]string) {
			f["shop.read.json"] = strings.Replace(f["shop.read.json"], `["get"]`, `"get"`, 1)
		}, []string{"shop.read.json:5: json: cannot unmarshal"}},
		"unknown key": {func(f map[string]string) {
			f["shop.read.json"] = strings.Replace(f["shop.read.json"], `"bound"`, `"bounds"`, 1)
		}, []string{`shop.read.json:5: json: unknown field "bounds"`}},
		"empty key": {func(f map[string]string) {
			f["shop.read.json"] = strings.Replace(f["shop.read.json"], "One key.", "", 1)
		}, []string{"shop.read.json:5: bound must not be empty"}},
		"argument": {func(f map[string]string) {
			f["shop.read.json"] = strings.Replace(f["shop.read.json"], `"type": "key"`, `"type": "hue"`, 1)
		}, []string{`shop.read.json:7: argument "key": type "hue"`}},
		"include":     {func(f map[string]string) { f["shop.read.lua"] = "-- include nothing.lua\nreturn 1" }, []string{"shop.read.lua: line 1: there is no part/nothing.lua"}},
		"two at once": {func(f map[string]string) { f["get.json"], f["proxy.json"] = goodJSON("GET"), goodJSON("PROXY") }, []string{"get.json: GET is", "proxy.json: PROXY is"}},
	} {
		files := good()
		tt.change(files)
		dir := writeDir(t, files)
		_, err := Open(Sources{Commands: dir}, testSettings)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), filepath.Join(dir, "")) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %q", name, err, want)
			}
		}
	}
	if _, err := Open(Sources{Commands: filepath.Join(t.TempDir(), "nothing")}, testSettings); err == nil {
		t.Error("a directory that is not there was taken")
	}
	dir := writeDir(t, good())
	if err := os.Remove(filepath.Join(dir, LockName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Sources{Commands: dir}, testSettings); err == nil || !strings.Contains(err.Error(), "scripts.lock: there is none: review the scripts, then: proxy vet --write-lock "+dir) {
		t.Errorf("without a lock: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "big.lua"), make([]byte, maxSourceSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteLock(dir); err == nil || !strings.Contains(err.Error(), "big.lua: longer than") {
		t.Errorf("a file that is too long: %v", err)
	}
}

// TestApplicationsScripts: the list holds what is in the directory, under the names that a server gives it.
func TestApplicationsScripts(t *testing.T) {
	files := map[string]string{
		"a.lua": "return redis.call('GET', KEYS[1])", "same.lua": "return redis.call('GET', KEYS[1])",
		"b.lua": "#!lua flags=no-writes\nreturn 1", "b.json": `{"keys": 0, "user": "default"}`,
	}
	r, err := Open(Sources{Application: writeDir(t, files)}, testSettings)
	if err != nil {
		t.Fatal(err)
	}
	old, recent := &Upstream{Scripts: true}, &Upstream{Scripts: true, Shebang: true}
	a, b := newVariant(files["a.lua"]).sha, newVariant(files["b.lua"]).sha
	for _, tt := range []struct {
		sha  string
		up   *Upstream
		want bool
	}{{a, old, true}, {strings.ToUpper(a), recent, true}, {b, recent, true}, {b, old, false}, {strings.Repeat("0", 40), recent, false}, {a[:39], recent, false}, {"", recent, false}} {
		if name, ok := r.Application([]byte(tt.sha), tt.up); ok != tt.want || ok && name != strings.ToLower(tt.sha) {
			t.Errorf("%s on %+v: %q, %v", tt.sha, tt.up, name, ok)
		}
	}
	loaded := map[string]bool{}
	for _, text := range r.Texts(old) {
		loaded[text.SHA1] = text.Foreign
	}
	if foreign, ok := loaded[a]; !ok || !foreign || r.Applications() != 2 {
		t.Errorf("%v is not loaded as a foreign script of 2: %d", a, r.Applications())
	}
	if _, ok := loaded[b]; ok {
		t.Error("a script with #!lua is loaded on a server that does not know it")
	}
}

func TestApplicationsErrors(t *testing.T) {
	script := map[string]string{"a.lua": "return 1"}
	for want, more := range map[string]map[string]string{
		"a.json:2: sha1: the script has SHA1":    {"a.json": "{\n\"sha1\": \"" + strings.Repeat("0", 40) + "\"}"},
		`a.json:1: json: unknown field "review"`: {"a.json": `{"review": "x"}`},
		"c.json: there is no script beside it":   {"c.json": "{}"},
		"a.lua: not in scripts.lock":             {LockName: ""},
	} {
		files := maps.Clone(script)
		maps.Copy(files, more)
		if _, err := Open(Sources{Application: writeDir(t, files)}, testSettings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
