package proxy

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// problems loads text as config.toml, validates, and gives the messages
// without the directory.
func problems(t *testing.T, text string, env map[string]string) []string {
	t.Helper()
	path := writeConfig(t, text)
	c := NewConfig()
	var all ConfigError
	all.add(LoadFile(path, &c))
	all.add(c.ApplyEnv(lookupIn(env)))
	all.add(c.Validate())
	var out []string
	for _, p := range all.Problems {
		out = append(out, strings.ReplaceAll(p.String(), filepath.Dir(path)+string(filepath.Separator), ""))
	}
	return out
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func lookupIn(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

// withoutOrigin leaves the values alone, for comparing.
func withoutOrigin(c Config) Config { c.origin = nil; return c }

func TestDefaultsAreValid(t *testing.T) {
	c := NewConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
}

// The example file is the manual, so it must name every key and tell the truth
// about each default.
func TestExampleFile(t *testing.T) {
	c := NewConfig()
	if err := LoadFile("../config.example.toml", &c); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if want := NewConfig(); !reflect.DeepEqual(withoutOrigin(c), want) {
		t.Errorf("the example differs from the defaults:\n got %+v\nwant %+v", withoutOrigin(c), want)
	}
	text, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range SettingKeys() {
		if c.Origin(key) == "" {
			t.Errorf("%s is not in the example", key)
		}
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.Contains(line, " = ") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(lines[i-1], "#") {
			t.Errorf("line %d: %s: no paragraph before it", i+1, line)
		}
	}
}

// A field of Config that no key sets could never be configured.
func TestEveryFieldHasAKey(t *testing.T) {
	var c Config
	fields := make(map[any]string)
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			name := prefix + v.Type().Field(i).Name
			switch f := v.Field(i); {
			case name == "origin":
			case f.Kind() == reflect.Struct:
				walk(name+".", f)
			default:
				fields[f.Addr().Interface()] = name
			}
		}
	}
	walk("", reflect.ValueOf(&c).Elem())
	for _, s := range c.settings() {
		v := reflect.ValueOf(s.value)
		for v.Field(0).Kind() == reflect.Struct {
			v = v.Field(0)
		}
		p := v.Field(0)
		for q, name := range fields {
			if reflect.ValueOf(q).Pointer() == p.Pointer() && reflect.TypeOf(q) == p.Type() {
				t.Logf("%s sets %s", s.key, name)
				delete(fields, q)
			}
		}
	}
	for _, name := range fields {
		t.Errorf("no key sets Config.%s", name)
	}
}

func TestConfigProblems(t *testing.T) {
	tests := []struct {
		name, text string
		env        map[string]string
		want       []string // each must be the start of the message in its place
	}{
		{"syntax", "\nloops = \n", nil, []string{"config.toml:2: "}},
		{"twice", "loops = 1\nloops = 2\n", nil, []string{"config.toml:2: "}},
		{"unknown key", "[upstream]\nwiat = \"1s\"\n", nil, []string{"config.toml:2: upstream.wiat: no such key; did you mean upstream.wait?"}},
		{"key of another table", "max_scan = 1\n", nil, []string{"config.toml:1: max_scan: no such key; did you mean purge.max_scan?"}},
		{"unknown table", "\n\n[frobnicate]\nx = 1\n", nil, []string{"config.toml:3: frobnicate: no such key; config.example.toml lists all keys"}},
		{"value for a table", `upstream = "redis://h"`, nil, []string{"config.toml:1: upstream: a table: write [upstream] on a line of its own"}},
		{"table for a value", "[loops]\nn = 1\n", nil, []string{"config.toml:1: loops: want a whole number without quotes, found a table"}},
		{"wrong types", "loops = \"2\"\nlisten = \"a:1\"\nadmin = 1\nembedded = 1\ndeny = [1]\n", nil, []string{
			"config.toml:1: loops: want a whole number without quotes, found a string",
			`config.toml:2: listen: want a list such as ["a", "b"], found a string`,
			"config.toml:3: admin: want a string in quotes, found a whole number",
			"config.toml:4: embedded: want true or false without quotes, found a whole number",
			"config.toml:5: deny: want a list of strings in quotes; element 1 is a whole number"}},
		{"duration without unit", "[upstream]\n# a comment\nwait = 1\ndial_timeout = \"5\"\n", nil, []string{
			"config.toml:3: upstream.wait: want a duration in quotes with its unit",
			"config.toml:4: upstream.dial_timeout: want a duration in quotes with its unit"}},
		{"size", "[client]\noutput_limit = \"64MB\"\ninput_total = -1\n", nil, []string{
			`config.toml:2: client.output_limit: want a size such as "64MiB"`,
			`config.toml:3: client.input_total: want a size such as "64MiB"`}},
		{"ranges", "loops = 257\n[purge]\nlimit = 100001\nmax_scan = 0\n[client]\nmax = 0\n", nil, []string{
			"config.toml:1: loops: 257: want 0 to 256",
			"config.toml:6: client.max: 0: want 1 to 1000000",
			"config.toml:4: purge.max_scan: 0: want 1 to",
			"config.toml:3: purge.limit: 100001: want 1 to 100000"}},
		{"dotted and inline keys", "purge.limit = 0\nclient = { max = 0 }\nupstream.tls.ca_file = \"/nowhere\"\n", nil, []string{
			"config.toml:2: client.max: 0",
			"config.toml:1: purge.limit: 0",
			"config.toml:3: upstream.tls.ca_file: upstream.url does not ask for TLS"}},
		{"listen", `listen = ["127.0.0.1:6380", "nowhere"]`, nil, []string{`config.toml:1: listen: "nowhere": want host:port`}},
		{"listen on nothing", `listen = []`, nil, []string{"config.toml:1: listen: nothing to listen on"}},
		{"listen twice", `listen = ["h:1", "tls://h:1"]`, nil, []string{`config.toml:1: listen: "tls://h:1": named twice`, "tls.cert_file: a tls:// listener needs"}},
		{"raw_lua that is none", `raw_lua = "some"`, nil, []string{`config.toml:1: raw_lua: "some" is not a policy: write "deny", "vetted", "learn" or "allow"`}},
		{"vetted without a list", `raw_lua = "vetted"`, nil, []string{`scripts.application_dir: raw_lua is "vetted": name the directory`}},
		{"learn without a place", `raw_lua = "learn"`, nil, []string{`scripts.learn_dir: raw_lua is "learn": name the directory`}},
		{"learn in no directory", "raw_lua = \"learn\"\nscripts.learn_dir = \"/nonexistent\"", nil, []string{"config.toml:2: scripts.learn_dir: "}},
		{"commands that are not there", "scripts.dir = \"/nonexistent\"", nil, []string{"open /nonexistent: "}},
		{"raw_lua", `raw_lua = "yes"`, nil, []string{`config.toml:1: raw_lua: "yes" is not a policy`}},
		{"command names", "deny = [\"flush all\"]\nshare = [\"a|b|c\"]\n", nil, []string{`config.toml:1: deny: "flush all" is not a command`, `config.toml:2: share: "a|b|c" is not`}},
		{"deny and share", "deny = [\"JSON.GET\"]\nshare = [\"json.get\"]\n", nil, []string{`config.toml:2: share: "json.get" is also on the deny list`}},
		{"limits together", "[client]\noutput_limit_total = \"1MiB\"\n[rewrite]\nmax = \"1GiB\"\n", nil, []string{
			"config.toml:2: client.output_limit_total: must be at least client.output_limit, 256MiB",
			"client.input_total: must be at least rewrite.max, 1GiB"}},
		{"sentinel", "[upstream]\nurl = \"redis+sentinel://h:1,i:2/m\"\n", nil, []string{"config.toml:2: upstream.url: this version has no Sentinel"}},
		{"two passwords", "[upstream]\nurl = \"redis://:x@h\"\n", map[string]string{"ATOMICPROXY_UPSTREAM_PASSWORD": "y"},
			[]string{"ATOMICPROXY_UPSTREAM_PASSWORD: upstream.password: upstream.url has a password as well"}},
		{"user alone", "[upstream]\nurl = \"redis://secret@h\"\n", nil, []string{"config.toml:2: upstream.url: a user without a password"}},
		{"missing password file", "[upstream]\npassword_file = \"/nowhere/at/all\"\n", nil, []string{"config.toml:2: upstream.password_file: open /nowhere/at/all"}},
		{"nothing to give", "[upstream]\ngive_my_credentials_to_every_client = true\n", nil, []string{"config.toml:2: upstream.give_my_credentials_to_every_client: true, but there are no credentials"}},
		{"unused certificate", "[tls]\ncert_file = \"/nowhere\"\n", nil, []string{"config.toml:2: tls.cert_file: cert_file and key_file belong together"}},
		{"embedded and upstream", "embedded = true\n[upstream]\nurl = \"redis://h\"\n", nil, []string{"config.toml:1: embedded: the embedded server is the upstream"}},
		{"environment", "", map[string]string{"ATOMICPROXY_LOOPS": "many", "ATOMICPROXY_UPSTREAM": "h:6379", "ATOMICPROXY_PURGE_LIMIT": "0"}, []string{
			"ATOMICPROXY_LOOPS: loops: want a whole number",
			"ATOMICPROXY_UPSTREAM: upstream.url: want redis://",
			"ATOMICPROXY_PURGE_LIMIT: purge.limit: 0: want 1 to 100000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := problems(t, tt.text, tt.env)
			if len(got) != len(tt.want) {
				t.Fatalf("%d problems, want %d:\n%s", len(got), len(tt.want), strings.Join(got, "\n"))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("problem %d:\n got %s\nwant %s…", i, got[i], want)
				}
			}
		})
	}
}

func TestLoadFileErrors(t *testing.T) {
	c := NewConfig()
	if err := LoadFile(filepath.Join(t.TempDir(), "absent.toml"), &c); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	path := writeConfig(t, "# "+strings.Repeat("x", maxConfigFile))
	if err := LoadFile(path, &c); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("huge: %v", err)
	}
}

// A bad key must not hide the good ones: their own checks still have to run.
func TestGoodKeysApplyBesideBadOnes(t *testing.T) {
	c := NewConfig()
	err := LoadFile(writeConfig(t, "loops = 3\nnonsense = 1\n[purge]\nlimit = 7\n"), &c)
	if err == nil || c.Loops != 3 || c.Purge.Limit != 7 {
		t.Errorf("err %v, loops %d, limit %d", err, c.Loops, c.Purge.Limit)
	}
}

func TestPrecedenceAndOrigin(t *testing.T) {
	c := NewConfig()
	path := writeConfig(t, "loops = 1\nadmin = \"h:1\"\n[upstream]\nwait = \"3s\"\n")
	if err := LoadFile(path, &c); err != nil {
		t.Fatal(err)
	}
	beforeEnv := c
	if err := c.ApplyEnv(lookupIn(map[string]string{"ATOMICPROXY_LOOPS": "2", "ATOMICPROXY_ADMIN": "", "ATOMICPROXY_LISTEN": "h:1, unix:///s"})); err != nil {
		t.Fatal(err)
	}
	if err := c.Set("loops", "3", "--loops"); err != nil {
		t.Fatal(err)
	}
	if c.Loops != 3 || c.Admin != "" || c.Upstream.Wait != 3*time.Second || !reflect.DeepEqual(c.Listen, []string{"h:1", "unix:///s"}) {
		t.Errorf("loops %d, admin %q, wait %s, listen %q", c.Loops, c.Admin, c.Upstream.Wait, c.Listen)
	}
	for key, want := range map[string]string{"loops": "--loops", "admin": "ATOMICPROXY_ADMIN", "upstream.wait": path + ":4", "purge.limit": ""} {
		if got := c.Origin(key); got != want {
			t.Errorf("origin of %s: %q, want %q", key, got, want)
		}
	}
	if got := beforeEnv.Origin("loops"); got != path+":1" {
		t.Errorf("a copy changed with the original: %q", got)
	}
	if err := c.Set("no.such", "1", "--x"); err == nil {
		t.Error("an unknown key was set")
	}
}

func TestSettingsHideSecrets(t *testing.T) {
	c := NewConfig()
	c.Upstream.URL = "redis://app:hunter2@h:1/3"
	c.Upstream.Password = "hunter2"
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s shows the password: %s", s.Key, s.Value)
		}
		if s.Key == "upstream.url" && s.Value != `"redis://app:***@h:1/3"` {
			t.Errorf("url: %s", s.Value)
		}
	}
	for _, bad := range []string{"redis://a:hunter2@h:port", "redis://a:hun%zzter2@h", "hunter2@h", "redis+sentinel://a:hunter2@h:1,i:2"} {
		c.Upstream.URL = bad
		if err := c.Validate(); err == nil || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: %v", bad, err)
		}
		if r := RedactURL(bad); strings.Contains(r, "ter2") {
			t.Errorf("%s: redacted to %s", bad, r)
		}
	}
}
