package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/cmd/proxy/internal/bench"
)

// asProgram is set for a test binary that is to be the program: bench starts itself as its own children.
const asProgram = "ATOMICPROXY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Unsetenv("GOCOVERDIR")
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv))
	}
	os.Exit(m.Run())
}

// program is this test binary as the program, with a directory of its own for temporary files.
func program(t *testing.T, args ...string) (cmd *exec.Cmd, temp string) {
	t.Helper()
	temp = t.TempDir()
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+temp)
	return cmd, temp
}

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("ATOMICPROXY_REQUIRE_REDIS") == "1" {
			t.Fatal("no redis-server in PATH")
		}
		t.Skip("no redis-server in PATH")
	}
}

// The short form measures everything that it is about, writes its files and leaves nothing behind.
func TestBenchQuick(t *testing.T) {
	needRedis(t)
	out := t.TempDir()
	file := func(name string) string { return filepath.Join(out, name) }
	cmd, temp := program(t, "bench", "--quick", "--duration", "300ms", "--peers", "proxy,haproxy,twemproxy,copy",
		"--json", file("r.json"), "--markdown", file("r.md"), "--plot", file("charts"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	f, err := os.Open(file("r.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := bench.ReadJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	measured := make(map[string]bench.Metrics)
	for _, s := range r.Samples {
		measured[s.Case+" "+s.Series] = s.Metrics
	}
	want := []string{"purge-100000 proxy", "purge-100000 scan+unlink", "purge-100000 keys+del"}
	for _, c := range []string{"get-c50-p1", "get-c50-p16", "tx-c50", "fanout-100", "open-1000"} {
		want = append(want, c+" direct", c+" proxy", c+" copy")
	}
	for _, name := range want {
		if m := measured[name]; m[bench.Rate] <= 0 && m[bench.Took] <= 0 {
			t.Errorf("%s: measured %v", name, m)
		}
	}
	if m := measured["get-c50-p1 proxy"]; runtime.GOOS == "linux" && (m[bench.ProxyCPU] <= 0 || m[bench.ProxyRSS] < 1<<20) {
		t.Errorf("CPU time and memory of the proxy: %v", m)
	}
	text, err := os.ReadFile(file("r.md"))
	if err != nil || !strings.Contains(string(text), "| get-c50-p1 |") || string(text) != stdout.String() {
		t.Errorf("%v\n%s", err, text)
	}
	if svg, err := os.ReadFile(filepath.Join(out, "charts", "throughput.svg")); err != nil || !bytes.HasPrefix(svg, []byte("<svg ")) {
		t.Errorf("%v %.20q", err, svg)
	}
	empty(t, temp)
	again, _ := program(t, "bench", "--from", file("r.json"))
	if got, err := again.Output(); err != nil || string(got) != string(text) {
		t.Errorf("read back: %v\n%s", err, got)
	}
}

// A signal ends a run in order: the children too, and what was measured is shown.
func TestBenchInterrupted(t *testing.T) {
	needRedis(t)
	if runtime.GOOS == "windows" {
		t.Skip("there a program can't send the signal")
	}
	cmd, temp := program(t, "bench", "--rounds", "50", "--duration", "100ms", "--workloads", "get-c50-*", "--peers", "proxy")
	lines := &firstLine{seen: make(chan struct{})}
	var stdout bytes.Buffer
	cmd.Stderr, cmd.Stdout = lines, &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }).Stop()
	<-lines.seen
	cmd.Process.Signal(os.Interrupt)
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("%v; want exit status %d", err, exitFailed)
	}
	if !strings.Contains(stdout.String(), "get-c50-p1") {
		t.Errorf("nothing of what was measured: %s", &stdout)
	}
	empty(t, temp)
	if runtime.GOOS == "linux" {
		noChildren(t, temp)
	}
}

// firstLine tells when something was written.
type firstLine struct {
	seen chan struct{}
	said bool
}

func (f *firstLine) Write(b []byte) (int, error) {
	if !f.said {
		f.said = true
		close(f.seen)
	}
	return len(b), nil
}

// empty tells what is left in a directory.
func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// noChildren looks for processes that were started with files in dir.
func noChildren(t *testing.T, dir string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte(dir)) {
			t.Errorf("%s still runs: %q", path, text)
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for _, tt := range []struct {
		args, stdout, stderr string
		code                 int
	}{
		{"bench --list", "get-c50-p1 |GET of 64 bytes, 50 clients, pipeline of 1\n|tx-c200 |storm-tls |purge-1000000 ", "", exitOK},
		{"bench --workloads nonsense", "", "no such workload: nonsense", exitFailed},
		{"bench --rounds=-1", "", "rounds must be between 1 and 100", exitFailed},
		{"bench --duration 1h", "", "must last between 50ms and 1m0s", exitFailed},
		{"bench --from /nowhere", "", "/nowhere", exitFailed},
		{"bench --server /nowhere", "", "/nowhere", exitFailed},
		{"bench --quick nonsense", "", "nonsense", exitUsage},
		{bench.HelperCommand + " nonsense", "", "the bench command's own affair", exitFailed},
	} {
		code, stdout, stderr := invoke(t, nil, strings.Fields(tt.args)...)
		if code != tt.code {
			t.Errorf("%s: exit %d, want %d", tt.args, code, tt.code)
		}
		compare(t, tt.args, stdout, tt.stdout)
		compare(t, tt.args, stderr, tt.stderr)
	}
	if _, stdout, _ := invoke(t, nil, "--help"); strings.Contains(stdout, bench.HelperCommand) {
		t.Error("help shows what is nobody's to call")
	}
	path := writeFile(t, `{"machine": 7}`)
	if code, _, stderr := invoke(t, nil, "bench", "--from", path); code != exitFailed || !strings.Contains(stderr, fmt.Sprintf("%s: not a report", path)) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
