// Package clients tries real clients, with their default settings, through the proxy.
//
// Each folder has one client: a small program that a user can read as an example, and that prints "ok STEP" for each
// thing that it tried. The test starts a server and the proxy, runs the program, restarts the server when the program asks
// for it by the line RESTART, and demands exactly the steps that it knows of.
//
// It runs on the installed redis-server and on each NAME/bin/server below $ATOMICPROXY_SERVERS. A client that this machine
// lacks is skipped; with ATOMICPROXY_REQUIRE_CLIENTS=1 (as in CI) it fails the test. Packages of npm are looked for in
// $ATOMICPROXY_CLIENTS, by default ~/.cache/atomicproxy-clients, where .ci/clients puts them.
//
// It does not know what a client sends: for that, see proxy/difftest.
package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// runTimeout is for one program on a machine that runs four of them on two cores; the longest needs about ten seconds.
const runTimeout = 90 * time.Second

// common are the steps of every client; some have more.
var common = []string{"connect", "pipeline", "transaction", "blocking", "pubsub", "purge", "reconnect"}

type client struct {
	folder string
	more   []string // steps besides the common ones
	// find returns the command that runs the program, or why it can't be run here. dir is an empty folder of its own.
	find func(t *testing.T, folder, dir string) (command []string, missing string)
}

var all = []client{
	{"redis-cli", []string{"monitor", "scan", "bigkeys", "stat", "help", "benchmark"}, findShell},
	{"go-redis", []string{"resubscribe"}, findGo},
	{"go/rueidis", []string{"caching", "resubscribe", "caching-again"}, findGo},
	{"go/redigo", nil, findGo},
	{"ioredis", []string{"resubscribe"}, findNode},
	{"node-redis", []string{"resubscribe"}, findNode},
	{"redis-py", []string{"resubscribe"}, findPython},
	{"redis-py-asyncio", nil, findPython},
	{"phpredis", nil, findPHP},
	{"redis-rb", nil, findRuby},
	{"hiredis", nil, findC},
	{"perl-redis", nil, findPerl},
}

func TestClients(t *testing.T) {
	servers := programs(t)
	proxy := buildProxy(t)
	for _, c := range all {
		command, missing := c.find(t, c.folder, t.TempDir())
		if missing != "" {
			t.Run(c.folder, func(t *testing.T) { lacking(t, missing) })
			continue
		}
		keepInputs(t, c.folder)
		for _, server := range servers {
			t.Run(c.folder+"/"+server.name, func(t *testing.T) {
				t.Parallel()
				c.try(t, startWorld(t, proxy, server), command)
			})
		}
	}
}

// lacking ends a test for which this machine has not got what it takes.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("ATOMICPROXY_REQUIRE_CLIENTS") == "1" {
		t.Fatal(what + ", and ATOMICPROXY_REQUIRE_CLIENTS=1")
	}
	t.Skip(what)
}

// keepInputs reads the program's files, so that go test does not answer from its cache once one has changed.
func keepInputs(t *testing.T, folder string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, file := range files {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
}

// try runs the program and compares the steps that it did.
func (c client) try(t *testing.T, w *world, command []string) {
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
	defer cancel()
	if c.folder == "redis-cli" {
		command = append(slices.Clone(command), w.proxyAddr, w.serverAddr)
	} else {
		command = append(slices.Clone(command), w.proxyAddr)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), c.environment(w)...)
	cmd.WaitDelay = 5 * time.Second // the program's own children may hold its output open
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, outWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout = outWriter
	err = cmd.Start()
	outWriter.Close()
	if err != nil {
		t.Fatal(err)
	}
	out.SetReadDeadline(time.Now().Add(runTimeout + time.Second))
	steps := follow(t, w, out, stdin)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v after %q\n%s\nthe proxy's log:\n%s", err, steps, stderr.Bytes(), w.log())
	}
	want := slices.Concat(common, c.more)
	slices.Sort(want)
	slices.Sort(steps)
	if !slices.Equal(steps, want) {
		t.Fatalf("did %q, want %q", steps, want)
	}
	if stderr.Len() > 0 { // a library's warnings are not part of a good run
		t.Errorf("on its stderr:\n%s", stderr.Bytes())
	}
}

// environment gives redis-cli's folder the tools that belong to the server, and npm's clients their packages.
func (c client) environment(w *world) []string {
	env := []string{"NODE_PATH=" + filepath.Join(packages(), c.folder, "node_modules")}
	for name, variable := range map[string]string{"cli": "REDIS_CLI", "benchmark": "REDIS_BENCHMARK"} {
		tool := filepath.Join(filepath.Dir(w.server.path), name)
		if _, err := os.Stat(tool); err == nil {
			env = append(env, variable+"="+tool)
		}
	}
	if w.server.name != installed {
		env = append(env, "MASS=20000") // a million once is enough
	}
	return env
}

// follow reads what the program prints until it ends, and returns the steps that it did.
func follow(t *testing.T, w *world, out io.Reader, stdin io.WriteCloser) (steps []string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if step, ok := strings.CutPrefix(line, "ok "); ok {
			steps = append(steps, step)
		}
		if name, ok := strings.CutPrefix(line, "client "); ok {
			t.Log(name)
		}
		if line == "RESTART" {
			w.restart(t)
			if _, err := fmt.Fprintln(stdin, "restarted"); err != nil {
				t.Errorf("the program does not wait for the restart: %v", err)
			}
		}
	}
	return steps
}
