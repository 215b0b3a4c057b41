package main

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy"
)

func TestReplyForms(t *testing.T) {
	tests := []struct{ resp, terminal, raw string }{
		{"+OK\r\n", "OK\n", "OK"},
		{"-ERR no\r\n", "(error) ERR no\n", "ERR no\n"},
		{"!6\r\nERR\r\nx\r\n", "(error) ERR\r\nx\n", "ERR\r\nx\n"},
		{":-1\r\n", "(integer) -1\n", "-1"},
		{"$5\r\na\"\r\n\x00\r\n", "\"a\\\"\\r\\n\\x00\"\n", "a\"\r\n\x00"},
		{"$0\r\n\r\n", "\"\"\n", ""},
		{"$-1\r\n", "(nil)\n", ""},
		{"*-1\r\n", "(nil)\n", ""},
		{"_\r\n", "(nil)\n", ""},
		{",3.25\r\n", "(double) 3.25\n", "3.25"},
		{"#t\r\n", "(true)\n", "(true)"},
		{"#f\r\n", "(false)\n", "(false)"},
		{"(123\r\n", "(big number) 123\n", "123"},
		{"=6\r\ntxt:hi\r\n", "hi\n", "hi"},
		{"*0\r\n", "(empty array)\n", ""},
		{"~0\r\n", "(empty set)\n", ""},
		{"%0\r\n", "(empty hash)\n", ""},
		{">0\r\n", "(empty push)\n", ""},
		{"*2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n", "1) \"a\"\n2) 1) (integer) 1\n   2) (integer) 2\n", "a\n1\n2"},
		{"~1\r\n:1\r\n", "1~ (integer) 1\n", "1"},
		{"%1\r\n+k\r\n*1\r\n:1\r\n", "1# k => \n   1) (integer) 1\n", "k 1"},
		{"|1\r\n+ttl\r\n:9\r\n:7\r\n", "(integer) 7\n", "7"},
	}
	for _, tt := range tests {
		r, rest, err := parseReply([]byte(tt.resp+"+NEXT\r\n"), 0)
		if err != nil || string(rest) != "+NEXT\r\n" {
			t.Errorf("%q: %v, rest %q", tt.resp, err, rest)
			continue
		}
		if got := r.terminal(""); got != tt.terminal {
			t.Errorf("%q on a terminal:\n got %q\nwant %q", tt.resp, got, tt.terminal)
		}
		if got := r.raw(); got != tt.raw {
			t.Errorf("%q raw:\n got %q\nwant %q", tt.resp, got, tt.raw)
		}
	}
}

func TestBadReplies(t *testing.T) {
	for _, bad := range []string{"", "\r\n", "OK", "+OK", "?x\r\n", "$5\r\nabc\r\n", "$x\r\n", "$-2\r\n", "$1\r\nabc", "$9223372036854775807\r\n",
		"*2\r\n:1\r\n", "*-2\r\n", "*9223372036854775807\r\n", "%4611686018427387904\r\n", "=2\r\nab\r\n", "|1\r\n+a\r\n+b\r\n",
		strings.Repeat("*1\r\n", maxReplyDepth+2) + ":1\r\n"} {
		if r, _, err := parseReply([]byte(bad), 0); err == nil {
			t.Errorf("%.40q was read as %+v", bad, r)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"*2\r\n$1\r\na\r\n%1\r\n+k\r\n_\r\n", "|1\r\n+a\r\n:1\r\n,1.5\r\n", "$9223372036854775807\r\n", "*1000000\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, rest, err := parseReply(b, 0)
		if err == nil && len(rest) >= len(b) {
			t.Errorf("%q: nothing was read", b)
		}
		r.terminal("")
		r.raw()
	})
}

// redis-cli itself is the judge of how it prints.
func TestSameAsRedisCli(t *testing.T) {
	redisCli, err := exec.LookPath("redis-cli")
	if err != nil {
		if os.Getenv("ATOMICPROXY_REQUIRE_REDIS") != "" {
			t.Fatal(err)
		}
		t.Skip("redis-cli is not installed")
	}
	e, err := proxy.StartEmbedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, port, _ := strings.Cut(e.Addr(), ":")
	for _, command := range [][]string{
		{"SET", "k", "a\"\\\n\t\x01\xff é"}, {"GET", "k"}, {"GET", "absent"}, {"INCR", "k"}, {"NOSUCH", "x"}, {"PING"},
		{"RPUSH", "l", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"}, {"LRANGE", "l", "0", "-1"}, {"LRANGE", "absent", "0", "-1"},
		{"HSET", "h", "f", "v", "g", "w"}, {"HGETALL", "h"}, {"HGETALL", "absent"}, {"SADD", "s", "one"}, {"SMEMBERS", "s"}, {"SMEMBERS", "absent"},
		{"ZADD", "z", "1.5", "m"}, {"ZSCORE", "z", "m"}, {"ZRANGE", "z", "0", "-1", "WITHSCORES"}, {"SCAN", "0"},
		{"XADD", "x", "1-1", "f", "v"}, {"XRANGE", "x", "-", "+"}, {"XREAD", "STREAMS", "x", "0"},
		{"EVAL", "return {1,{2,{},{3}},{'a'},4,5,6,7,8,9,10,11,false}", "0"},
	} {
		for _, protocol := range []string{"-2", "-3"} {
			ours := []string{"cli", "--addr", e.Addr()}
			if protocol == "-3" {
				ours = append(ours, "-3")
			}
			_, raw, errs := invoke(t, nil, append(ours, command...)...)
			if errs != "" {
				t.Errorf("%q: %s", command, errs)
			}
			if want := redisCliSays(t, redisCli, port, protocol, "--raw", command); raw != want && idempotent(command) {
				t.Errorf("%s %q raw:\n got %q\nwant %q", protocol, command, raw, want)
			}
		}
	}
	compareOnTerminal(t, redisCli, e.Addr(), port)
}

// idempotent tells whether two runs answer the same, so that ours and
// redis-cli's can be compared.
func idempotent(command []string) bool {
	return !strings.Contains("RPUSH HSET SADD ZADD XADD", command[0])
}

func compareOnTerminal(t *testing.T, redisCli, addr, port string) {
	target, err := proxy.ParseTarget("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"GET", "k"}, {"GET", "absent"}, {"INCR", "k"}, {"LRANGE", "l", "0", "-1"}, {"HGETALL", "h"}, {"HGETALL", "absent"},
		{"SMEMBERS", "s"}, {"SMEMBERS", "absent"}, {"ZSCORE", "z", "m"}, {"XREAD", "STREAMS", "x", "0"},
		{"EVAL", "return {1,{2,{},{3}},{'a'},4,5,6,7,8,9,10,11,false}", "0"}} {
		for _, protocol := range []string{"-2", "-3"} {
			r, err := (&cliCmd{RESP3: protocol == "-3", Command: command}).send(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			want := redisCliSays(t, redisCli, port, protocol, "--no-raw", command)
			if got := r.terminal(""); strings.TrimSuffix(got, "\n") != strings.TrimSuffix(want, "\n") {
				t.Errorf("%s %q on a terminal:\n got %q\nwant %q", protocol, command, got, want)
			}
		}
	}
}

func redisCliSays(t *testing.T, redisCli, port, protocol, form string, command []string) string {
	t.Helper()
	args := append([]string{"-h", "127.0.0.1", "-p", port, protocol, form}, command...)
	if protocol == "-2" { // the default, without a flag of its own before 7.2
		args = append(args[:4:4], args[5:]...)
	}
	out, err := exec.CommandContext(t.Context(), redisCli, args...).Output()
	if err != nil {
		t.Fatalf("redis-cli %q: %v", args, err)
	}
	return string(out)
}
