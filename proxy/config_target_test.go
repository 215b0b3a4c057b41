package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		url  string
		want Target
	}{
		{"redis://127.0.0.1:6379", Target{Scheme: "redis", Network: "tcp", Address: "127.0.0.1:6379"}},
		{"redis://h", Target{Scheme: "redis", Network: "tcp", Address: "h:6379"}},
		{"redis://h/", Target{Scheme: "redis", Network: "tcp", Address: "h:6379"}},
		{"redis://h/5", Target{Scheme: "redis", Network: "tcp", Address: "h:6379", DB: 5}},
		{"redis://[::1]:7/1", Target{Scheme: "redis", Network: "tcp", Address: "[::1]:7", DB: 1}},
		{"redis://[::1]", Target{Scheme: "redis", Network: "tcp", Address: "[::1]:6379"}},
		{"redis://:p%40s@h:1", Target{Scheme: "redis", Network: "tcp", Address: "h:1", Password: "p@s"}},
		{"redis://u:p@h:1", Target{Scheme: "redis", Network: "tcp", Address: "h:1", User: "u", Password: "p"}},
		{"redis://u@h:1", Target{Scheme: "redis", Network: "tcp", Address: "h:1", User: "u"}},
		{"rediss://h:1", Target{Scheme: "rediss", Network: "tcp", Address: "h:1", TLS: true}},
		{"valkey://h:1", Target{Scheme: "valkey", Network: "tcp", Address: "h:1"}},
		{"valkeys://h:1/2", Target{Scheme: "valkeys", Network: "tcp", Address: "h:1", TLS: true, DB: 2}},
		{"unix:///run/r.sock", Target{Scheme: "unix", Network: "unix", Address: "/run/r.sock"}},
		{"unix:///run/r.sock?db=3", Target{Scheme: "unix", Network: "unix", Address: "/run/r.sock", DB: 3}},
		{"unix://u:p@/run/r.sock", Target{Scheme: "unix", Network: "unix", Address: "/run/r.sock", User: "u", Password: "p"}},
	}
	for _, tt := range tests {
		got, err := ParseTarget(tt.url)
		if err != nil || got != tt.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", tt.url, got, err, tt.want)
		}
		if s := got.String(); strings.Contains(s, "p@") || strings.Contains(s, ":p") {
			t.Errorf("%s: String shows the password: %s", tt.url, s)
		}
	}
}

func TestParseTargetErrors(t *testing.T) {
	for url, want := range map[string]string{
		"":                               "want redis://",
		"127.0.0.1:6379":                 "want redis://",
		"http://h":                       "want redis://",
		"redis://":                       "the host is missing",
		"redis://:6379":                  "the host is missing",
		"redis://h:0":                    "the port must be",
		"redis://h:65536":                "the port must be",
		"redis://h:x":                    "not a URL",
		"redis://u:%zz@h":                "not a URL",
		"redis://h/x":                    "the database must be",
		"redis://h/-1":                   "the database must be",
		"redis://h/0/1":                  "the database must be",
		"redis://h?db=1":                 "nothing may follow",
		"redis://h:1,i:2":                "one host only",
		"unix://run/r.sock":              "three slashes",
		"unix:///":                       "three slashes",
		"unix:///s?db=1&db=2":            "only db=n",
		"unix:///s?x=1":                  "only db=n",
		"redis+sentinel://h:1,i:2/m":     "this version has no Sentinel",
		"valkey+sentinel://h/m":          "this version has no Sentinel",
		"redis+cluster://h:1,i:2":        "this version has no Cluster",
		"valkeys+cluster://u:p@h:1,i:2/": "this version has no Cluster",
	} {
		if got, err := ParseTarget(url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want …%s…", url, got, err, want)
		}
	}
}

func TestUpstreamPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	c := NewConfig()
	c.Upstream.URL = "redis://app@h:1"
	c.Upstream.PasswordFile = path
	for content, want := range map[string]string{"s3cret\n": "s3cret", "s3cret\r\n": "s3cret", " s \n\n": " s \n", "s": "s"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if got, err := c.UpstreamTarget(); err != nil || got.Password != want || got.User != "app" {
			t.Errorf("%q: %q %q, %v", content, got.User, got.Password, err)
		}
	}
	for _, bad := range []string{"", "\n", strings.Repeat("x", maxPassword+1)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.UpstreamTarget(); err == nil {
			t.Errorf("a file of %d bytes was taken for a password", len(bad))
		}
	}
	c.Upstream.PasswordFile = ""
	c.Upstream.Password = "env"
	if got, err := c.UpstreamTarget(); err != nil || got.Password != "env" {
		t.Errorf("%q, %v", got.Password, err)
	}
}

func TestListeners(t *testing.T) {
	c := NewConfig()
	c.Listen = []string{"127.0.0.1:0", "[::1]:1", ":2", "tls://h:3", "rediss://h:4", "redis://h:5", "unix:///run/a.sock"}
	got, err := c.Listeners()
	if err != nil {
		t.Fatal(err)
	}
	want := []ListenAddr{{"tcp", "127.0.0.1:0", false}, {"tcp", "[::1]:1", false}, {"tcp", ":2", false},
		{"tcp", "h:3", true}, {"tcp", "h:4", true}, {"tcp", "h:5", false}, {"unix", "/run/a.sock", false}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: %+v, want %+v", c.Listen[i], got[i], want[i])
		}
	}
	for _, bad := range []string{"", "h", "h:", "h:x", "h:65536", "h:+1", "http://h:1", "unix://a.sock", "unix:///" + strings.Repeat("a", 107)} {
		c.Listen = []string{bad}
		if l, err := c.Listeners(); err == nil {
			t.Errorf("%q: %+v", bad, l)
		}
	}
}
