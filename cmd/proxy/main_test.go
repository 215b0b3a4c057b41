package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// invoke runs the program with an environment of its own.
func invoke(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	return code, out.String(), errs.String()
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	file := writeFile(t, "loops = 3\n[upstream]\nwait = \"2s\"\n")
	bad := writeFile(t, "loops = 999\nnonsense = 1\n")
	type env = map[string]string
	tests := []struct {
		args           string
		env            env
		code           int
		stdout, stderr string // each "|"-separated part must be there; "": nothing may be
	}{
		{"--help", nil, 0, "Usage: proxy|serve|check|health|cli|version", ""},
		{"serve --help", nil, 0, "--listen|--upstream|--admin|--config|--embedded|--raw-lua|--loops|--log-format|--log-level|--shutdown-grace", ""},
		{"version", nil, 0, "atomicproxy |go1.", ""},
		{"--bogus", nil, 2, "", "unknown flag --bogus|proxy --help"},
		{"bogus", nil, 2, "", "unexpected argument bogus"},
		{"cli", nil, 2, "", `expected "<command> ..."`},
		{"cli -9 PING", nil, 2, "", "unknown flag -9"},
		{"check --loops many", nil, 2, "", "--loops"},
		{"check", nil, 0, "# The upstream is redis://127.0.0.1:6379|loops = 0 # default|# Clients' own Lua is refused.", ""},
		{"check --config " + file, nil, 0, "loops = 3 # " + file + `:1|upstream.wait = "2s" # ` + file + ":3", ""},
		{"check", env{"ATOMICPROXY_CONFIG": file}, 0, "loops = 3 # " + file + ":1", ""},
		{"check --config " + file, env{"ATOMICPROXY_LOOPS": "4"}, 0, "loops = 4 # ATOMICPROXY_LOOPS", ""},
		{"check --loops 5 --config " + file, env{"ATOMICPROXY_LOOPS": "4"}, 0, "loops = 5 # --loops", ""},
		{"check --admin=", nil, 0, `No metrics|admin = "" # --admin`, ""},
		{"check --listen h:1 --listen unix:///run/a", nil, 0, `listen = ["h:1", "unix:///run/a"] # --listen|h:1 (tcp, plain)|/run/a (unix, plain)`, ""},
		{"check --raw-lua allow", nil, 0, "can run scripts on the upstream", ""},
		{"check --embedded --connect", nil, 0, "in-memory stand-in|nothing to connect to", ""},
		{"check --upstream rediss://app:hunter2@h:1/2", nil, 0, "rediss://app@h:1/2, over TLS. The proxy authenticates its control connection only|app:***@h", ""},
		{"check --upstream redis://app:x@h:1", env{"ATOMICPROXY_UPSTREAM_GIVE_MY_CREDENTIALS_TO_EVERY_CLIENT": "true"}, 0, "EVERY CLIENT", ""},
		{"check --config " + bad + " --raw-lua some", env{"ATOMICPROXY_PURGE_LIMIT": "0"}, 1, "",
			bad + ":1: loops: 999|" + bad + ":2: nonsense: no such key|--raw-lua: raw_lua: \"some\" is not a policy: write |ATOMICPROXY_PURGE_LIMIT: purge.limit: 0"},
		{"check --config /nowhere.toml", nil, 1, "", "/nowhere.toml"},
		{"serve --raw-lua learn", nil, 1, "", "scripts.learn_dir: raw_lua is \"learn\": name the directory"},
		{"--listen nowhere", nil, 1, "", "--listen: listen: \"nowhere\": want host:port"},
		{"health --admin=", nil, 1, "", "turned off"},
		{"health --admin 127.0.0.1:1", nil, 1, "", "connection refused"},
		{"cli --addr 127.0.0.1:1 PING", nil, 1, "", "connection refused"},
		{"cli --addr http://h PING", nil, 1, "", "--addr: want redis://"},
		{"check --connect --upstream redis://127.0.0.1:1", nil, 1, "loops = 0", "upstream redis://127.0.0.1:1: dial tcp"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			code, stdout, stderr := invoke(t, tt.env, strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			compare(t, "stdout", stdout, tt.stdout)
			compare(t, "stderr", stderr, tt.stderr)
			if strings.Contains(stdout+stderr, "hunter2") {
				t.Error("a password was printed")
			}
		})
	}
}

func compare(t *testing.T, name, got, want string) {
	t.Helper()
	if want == "" && got != "" {
		t.Errorf("%s: %q, want nothing", name, got)
	}
	for part := range strings.SplitSeq(want, "|") {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %q:\n%s", name, part, got)
		}
	}
}

// What check prints is a configuration itself, and the same one.
func TestCheckPrintsAConfiguration(t *testing.T) {
	code, stdout, stderr := invoke(t, nil, "check", "--loops", "2", "--listen", "h:1", "--upstream", "unix:///s?db=1")
	if code != 0 {
		t.Fatal(stderr)
	}
	code, again, stderr := invoke(t, nil, "check", "--config", writeFile(t, stdout))
	if code != 0 {
		t.Fatal(stderr)
	}
	strip := func(s string) (out []string) {
		for line := range strings.Lines(s) {
			before, _, _ := strings.Cut(line, " # ")
			out = append(out, before)
		}
		return out
	}
	if a, b := strings.Join(strip(stdout), "\n"), strings.Join(strip(again), "\n"); a != b {
		t.Errorf("%s\nreads back as\n%s", a, b)
	}
}

func TestCheckConnect(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("hunter2")
	tests := []struct {
		url, password string
		code          int
		said          string
	}{
		{"redis://:hunter2@" + m.Addr(), "", 0, "\n# The upstream answers: "},
		{"redis://" + m.Addr(), "hunter2", 0, "\n# The upstream answers: "},
		{"redis://:hunter3@" + m.Addr(), "", 1, "WRONGPASS"},
		{"redis://" + m.Addr(), "", 1, "wants a user and a password"},
	}
	for _, tt := range tests {
		env := map[string]string{}
		if tt.password != "" {
			env["ATOMICPROXY_UPSTREAM_PASSWORD"] = tt.password
		}
		code, stdout, stderr := invoke(t, env, "check", "--connect", "--upstream", tt.url)
		if code != tt.code || !strings.Contains(stdout+stderr, tt.said) {
			t.Errorf("%s %s: exit %d\n%s%s", tt.url, tt.password, code, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, "hunter") {
			t.Errorf("%s: a password was printed:\n%s%s", tt.url, stdout, stderr)
		}
	}
}

func TestServerName(t *testing.T) {
	for info, want := range map[string]string{
		"# Server\r\nredis_version:7.0.15\r\n":                                  "Redis 7.0.15",
		"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.3\r\n": "Valkey 8.1.3",
		"": "a server that does not name its version",
	} {
		if got := serverName(info); got != want {
			t.Errorf("%q: %s, want %s", info, got, want)
		}
	}
}

func TestHealth(t *testing.T) {
	ready := false
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready {
			w.WriteHeader(503)
		}
		w.Write([]byte("as it is\n"))
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	addr := strings.TrimPrefix(srv.URL, "http://")
	_, port, _ := strings.Cut(addr, ":")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")

	for _, args := range [][]string{{"--admin", addr}, {"--admin", ":" + port}, {"--admin", "0.0.0.0:" + port}} {
		if code, out, errs := invoke(t, nil, append([]string{"health"}, args...)...); code != 0 || out != "ok\n" || errs != "" {
			t.Errorf("%v: %d %q %q", args, code, out, errs)
		}
	}
	env := map[string]string{"ATOMICPROXY_ADMIN": addr}
	if code, out, errs := invoke(t, env, "health", "--ready"); code != 1 || out != "" || errs != "503 Service Unavailable: as it is\n" {
		t.Errorf("not ready: %d %q %q", code, out, errs)
	}
	ready = true
	if code, out, _ := invoke(t, env, "health", "--ready"); code != 0 || out != "as it is\n" {
		t.Errorf("ready: %d %q", code, out)
	}
}
