package commands

import (
	"crypto/sha1"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/atomicproxy/atomicproxy/scripts"
)

// Scripts that write nothing, and those that run when memory is full; all others need memory.
const (
	readers = " exget purge-dryrun purge-match fail marker "
	freers  = " purge purge-step cad delex delifeq hgetdel excad sem.release unlock zmovebyscore zpopbyscore "
)

// TestTexts: what is loaded is what is embedded, byte for byte, under the name that the server will give it.
func TestTexts(t *testing.T) {
	r := loadCatalogue(t, testSettings)
	for _, up := range []*Upstream{{}, {Shebang: true}} {
		texts := r.Texts(up)
		seen := map[string]bool{}
		for _, text := range texts {
			sum := sha1.Sum([]byte(text.Body))
			if text.SHA1 != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: SHA1 %s is not of its body", text.Name, text.SHA1)
			}
			if seen[text.SHA1] {
				t.Errorf("%s: loaded twice", text.Name)
			}
			seen[text.SHA1] = true
			body, shebang := text.Body, ""
			if strings.HasPrefix(body, "#!") {
				shebang, body, _ = strings.Cut(body, "\n")
			}
			if (shebang != "") != up.Shebang {
				t.Errorf("%s: first line %q with Shebang %v", text.Name, shebang, up.Shebang)
			}
			if strings.HasPrefix(text.Name, "once ") {
				continue // made from once.lua
			}
			file, err := fs.ReadFile(scripts.FS, text.Name+".lua")
			if err != nil {
				t.Fatal(err)
			}
			expanded, _, err := scripts.Expand(string(file))
			if err != nil {
				t.Fatal(err)
			}
			if filled := text.Name == "fail" || text.Name == "marker"; body != expanded && !filled {
				t.Errorf("%s: is not the embedded file with its parts", text.Name)
			}
			want := "#!lua"
			switch name := " " + text.Name + " "; {
			case strings.Contains(readers, name):
				want = "#!lua flags=no-writes"
			case strings.Contains(freers, name):
				want = "#!lua flags=allow-oom"
			}
			if up.Shebang && shebang != want {
				t.Errorf("%s: %q, want %q", text.Name, shebang, want)
			}
		}
		if texts[len(texts)-1].Name != "marker" {
			t.Errorf("texts %+v: the marker must be the last", seen)
		}
	}
	if r.Texts(nil)[0] != r.Texts(&Upstream{})[0] {
		t.Error("an unknown upstream must get the plain texts")
	}
}

// TestMarker: the marker is another one as soon as any text is.
func TestMarker(t *testing.T) {
	marker := func(change string) string {
		m := fstest.MapFS{}
		for _, name := range append(mustGlob(t, "*.lua"), mustGlob(t, "*.json")...) {
			b, err := fs.ReadFile(scripts.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			if name == change {
				b = append(b, "-- changed\n"...)
			}
			m[name] = &fstest.MapFile{Data: b}
		}
		r, err := Load(m, testSettings)
		if err != nil {
			t.Fatal(err)
		}
		return string(r.AppendMarker(nil, &Upstream{Shebang: true}))
	}
	same := marker("")
	if same != string(loadCatalogue(t, testSettings).AppendMarker(nil, &Upstream{Shebang: true})) {
		t.Error("the marker differs between two loads")
	}
	for _, name := range mustGlob(t, "*.lua") {
		if marker(name) == same {
			t.Errorf("%s changed, the marker did not", name)
		}
	}
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := fs.Glob(scripts.FS, pattern)
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return names
}

// TestFailTexts: each number gives the text that the client would have got, on every server.
func TestFailTexts(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		errs := c.rg.Lookup([]byte("purge")).grammar.errs
		for _, e := range errs.list {
			got := c.do(parseFrame(t, c.rg.AppendFail(nil, e.Code, &s.up))...)
			if got != "-"+e.Text {
				t.Errorf("text %d is %q, want %q", e.Code, got, e.Text)
			}
		}
		if got := c.do(parseFrame(t, c.rg.AppendFail(nil, 9999, &s.up))...); got != "-ERR syntax error" {
			t.Errorf("no such number: %q", got)
		}
		marker := parseFrame(t, c.rg.AppendMarker(nil, &s.up))
		if got := c.do(marker...); !strings.HasPrefix(got, "$64\r\n") {
			t.Errorf("marker: %q", got)
		}
		c.do("SCRIPT", "FLUSH")
		if got := c.do(marker...); !strings.HasPrefix(got, "-NOSCRIPT") {
			t.Errorf("marker after SCRIPT FLUSH: %q", got)
		}
	})
}

// TestLoadRefuses: whatever the JSON says that is not understood is an error that names the file.
func TestLoadRefuses(t *testing.T) {
	base := func() fstest.MapFS {
		return fstest.MapFS{
			"fail.lua":   {Data: []byte("return {--[[texts]]}")},
			"marker.lua": {Data: []byte("return '--[[catalogue]]'")},
			"x.lua":      {Data: []byte("return 1")},
			"x.json":     {Data: []byte(testJSON("X", `{"name":"k","type":"key"}`, ""))},
		}
	}
	if _, err := Load(base(), testSettings); err != nil {
		t.Fatal(err)
	}
	arg := func(s string) string { return testJSON("X", s, "") }
	for name, tc := range map[string]struct{ file, data, want string }{
		"unknown key":        {"x.json", testJSON("X", "", `"bounds":"typo",`), `unknown field "bounds"`},
		"two commands":       {"x.json", `{"X":{},"Y":{}}`, "must hold one command"},
		"other name":         {"x.json", testJSON("Y", "", ""), "must hold one command"},
		"trailing":           {"x.json", testJSON("X", "", "") + "{}", "something follows"},
		"no command":         {"x.json", "{}", "holds no command"},
		"no bound":           {"x.json", strings.Replace(testJSON("X", "", ""), `"bound":"b"`, `"bound":""`, 1), "must not be empty"},
		"bad retry":          {"x.json", strings.Replace(testJSON("X", "", ""), `"retry":"S"`, `"retry":"Q"`, 1), "retry"},
		"no flags":           {"x.json", strings.Replace(testJSON("X", "", ""), "WRITE", "FAST", 1), "READONLY and WRITE"},
		"type":               {"x.json", arg(`{"name":"a","type":"color"}`), `type "color"`},
		"check":              {"x.json", arg(`{"name":"a","type":"string","check":"hue"}`), `check "hue"`},
		"lower token":        {"x.json", arg(`{"name":"a","type":"string","token":"ab","optional":true}`), "upper case"},
		"token less":         {"x.json", arg(`{"name":"a","type":"pure-token","optional":true}`), "needs a token"},
		"after optional":     {"x.json", arg(`{"name":"a","type":"string","optional":true},{"name":"b","type":"string"}`), "may be missing"},
		"after multiple":     {"x.json", arg(`{"name":"a","type":"string","multiple":true},{"name":"b","type":"string"}`), "not the last"},
		"counted by nothing": {"x.json", arg(`{"name":"a","type":"string","multiple":true,"counted_by":"n"}`), "counted_by"},
		"range without text": {"x.json", arg(`{"name":"a","type":"integer","min":1}`), "range_error"},
		"range too wide":     {"x.json", arg(`{"name":"a","type":"integer","max":9007199254740992,"range_error":"ERR x"}`), "must lie within"},
		"nested":             {"x.json", arg(`{"name":"a","type":"oneof","arguments":[{"name":"b","type":"string","optional":true}]}`), "single plain"},
		"empty oneof":        {"x.json", arg(`{"name":"a","type":"oneof"}`), "has no arguments"},
		"setting":            {"x.json", testJSON("X", "", `"settings":["purge.speed"],`), `"purge.speed"`},
		"conflict":           {"x.json", testJSON("X", "", `"conflicts":[{"tokens":["A"],"error":"ERR"}],`), `token "A"`},
		"orphan":             {"y.lua", "return 1", "no command calls it"},
		"no script":          {"y.json", testJSON("Y", "", ""), "y.lua"},
		"shebang":            {"x.lua", "#!lua\nreturn 1", "no shebang"},
		"no blank":           {"fail.lua", "return 1", "must have one"},
	} {
		m := base()
		m[tc.file] = &fstest.MapFile{Data: []byte(tc.data)}
		if _, err := Load(m, testSettings); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
	for _, s := range []Settings{{}, {PurgeMaxScan: 1}, {PurgeMaxScan: 1, PurgeLimit: 100_001}} {
		if _, err := Load(base(), s); err == nil {
			t.Errorf("settings %+v were taken", s)
		}
	}
}

// testJSON is a small valid NAME.json with these arguments and more keys.
func testJSON(name, arguments, more string) string {
	return `{"` + name + `":{"summary":"s","complexity":"O(1)","group":"generic","since":"1","arity":-1,"command_flags":["WRITE"],` + more +
		`"bound":"b","retry":"S","requires":"6.0.0","arguments":[` + arguments + `]}}`
}
