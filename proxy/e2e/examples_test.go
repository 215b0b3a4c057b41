package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestExamples types each command's examples into redis-cli, in front of every
// server, and compares what it prints. So the reference shows what is so.
func TestExamples(t *testing.T) {
	redisCli, err := exec.LookPath("redis-cli")
	if err != nil {
		if os.Getenv("ATOMICPROXY_REQUIRE_REDIS") == "1" {
			t.Fatal(err)
		}
		t.Skip("redis-cli is not installed")
	}
	registry, err := commands.Open(commands.Sources{Commands: examples}, commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
	if err != nil {
		t.Fatal(err)
	}
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		cfg := before(s)
		cfg.Scripts.Dir = examples
		r := startReady(t, cfg)
		direct := s.Dial(t)
		for _, c := range registry.Commands() {
			list := c.Spec().Examples
			if len(list) < 2 {
				t.Errorf("%s: %d examples", c.Name(), len(list))
			}
			direct.Do("FLUSHALL")
			var calls, want strings.Builder
			for _, e := range list {
				calls.WriteString(e.Call + "\n")
				want.WriteString(e.Reply + "\n")
			}
			got := typed(t, redisCli, r.Addrs()[0], calls.String())
			if !examplePattern(want.String()).MatchString(got) {
				t.Errorf("%s:\n%s\ngives\n%s\nwant\n%s", c.Name(), calls.String(), got, want.String())
			}
		}
	})
}

// examplePattern matches the replies, "…" standing for digits.
func examplePattern(replies string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(replies), "…", "[0-9]+") + "$")
}

// typed is what redis-cli prints for lines of commands on a terminal, without the
// empty lines that it puts behind errors.
func typed(t *testing.T, redisCli, addr, lines string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), redisCli, "-h", host, "-p", port, "--no-raw")
	cmd.Stdin = strings.NewReader(lines)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("redis-cli: %v %s", err, errs.String())
	}
	return strings.ReplaceAll(string(out), "\n\n", "\n")
}
