package resp

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
)

// The answers of ECHO on Redis 6.0 to 8.0 and Valkey 8.1 to the same lines.
func TestAppendInline(t *testing.T) {
	for line, want := range map[string][]string{
		"PING\r\n":                           {"PING"},
		"PING\n":                             {"PING"},
		"PING":                               {"PING"},
		"  GET \t key  \r\n":                 {"GET", "key"},
		"ECHO a\vb\r\n":                      {"ECHO", "a\vb"},
		"ECHO \va\r\n":                       {"ECHO", "a"},
		"ECHO a\rb\r\n":                      {"ECHO", "a", "b"},
		"ECHO a\r\r\n":                       {"ECHO", "a"},
		"\"\"\r\n":                           {""},
		"ECHO ''\r\n":                        {"ECHO", ""},
		"ECHO a\"b c\"\r\n":                  {"ECHO", "ab c"},
		"ECHO a'b c'\r\n":                    {"ECHO", "ab c"},
		"ECHO \"\\x41\\xZZ\\q\"\r\n":         {"ECHO", "AxZZq"},
		"ECHO \"\\xfF\\x0\"\r\n":             {"ECHO", "\xffx0"},
		"ECHO \"\\n\\r\\t\\b\\a\\\\\\\"\"\n": {"ECHO", "\n\r\t\b\a\\\""},
		"ECHO '\\n\\'x\\'\r\n":               nil,
		"ECHO '\\n\\'x'\r\n":                 {"ECHO", "\\n'x"},
		"ECHO \"a\"\v\r\n":                   {"ECHO", "a"},
		"ECHO \"a\" \"b\"\r\n":               {"ECHO", "a", "b"},
		"ECHO a\\nb\r\n":                     {"ECHO", "a\\nb"},
		"ECHO \xa0a\xa0\r\n":                 {"ECHO", "\xa0a\xa0"},
		"\r\n":                               {},
		" \v \n":                             {},
		"":                                   {},
		"ECHO \"a\"b\r\n":                    nil,
		"ECHO 'a'b\r\n":                      nil,
		"ECHO 'a'\"b\"\r\n":                  nil,
		"ECHO \"a\r\n":                       nil,
		"ECHO 'a\r\n":                        nil,
		"ECHO \"a\\\r\n":                     nil,
		"ECHO \"a\\\"\r\n":                   nil,
		"ECHO \"\\x4\r\n":                    nil,
		"ECHO \"\r\n":                        nil,
	} {
		out, argc, err := AppendInline([]byte("before"), []byte(line))
		var text []byte
		switch {
		case want == nil:
			if err != errQuotes {
				t.Errorf("%q: %v", line, err)
			}
		case len(want) > 0:
			text = AppendCommandStrings(nil, want...)
		}
		if want != nil && err != nil || argc != len(want) || string(out) != "before"+string(text) {
			t.Errorf("%q: %q, %d, %v, want %q", line, out, argc, err, text)
		}
	}
	if out, _, err := AppendInline(nil, []byte("ECHO a\x00b\n")); err != errInlineNUL || len(out) > 0 {
		t.Errorf("NUL: %q, %v", out, err)
	}
	if out, _, err := AppendInline(nil, []byte("ok \"ab")); err != errQuotes || len(out) > 0 {
		t.Errorf("%q, %v: the good argument before the bad one was kept", out, err)
	}
}

func TestAppendCommand(t *testing.T) {
	const want = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\nhello\r\nworld\r\n"
	if got := AppendCommandStrings(nil, "SET", "", "hello\r\nworld"); string(got) != want {
		t.Errorf("%q", got)
	}
	if got := AppendCommand([]byte("x"), []byte("SET"), nil, []byte("hello\r\nworld")); string(got) != "x"+want {
		t.Errorf("%q", got)
	}
}

func TestAppendArgs(t *testing.T) {
	frame := []byte("*6\rx$3\r\nSET\r\n$0\ry--$1\r\na\r\n$1\r\nb\r\n$1\r\nc\rz$2\r\nde\n\r")
	const canonical = "*6\r\n$3\r\nSET\r\n$0\r\n\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$2\r\nde\r\n"
	args := AppendArgs(nil, frame)
	if got := AppendCommand(nil, args...); string(got) != canonical {
		t.Errorf("%q", args)
	}
	if args[1] == nil || cap(args[2]) != 1 {
		t.Error("an argument reaches into the next, or an empty one is none")
	}
	if got := AppendCanonical([]byte("x"), frame); string(got) != "x"+canonical {
		t.Errorf("%q", got)
	}
	for i := range frame { // what is no whole frame gives nothing
		part := frame[:i:i]
		if got := AppendArgs(args, part); len(got) != len(args) {
			t.Errorf("%q: %q", part, got)
		}
		if got := AppendCanonical([]byte("x"), part); string(got) != "x" {
			t.Errorf("%q: %q", part, got)
		}
	}
	for _, bad := range []string{
		canonical + "*", "PING\r\n", "*-1\r\n", "*1\r\n:1\r\n",
		"*1\r\n$-1\r\n", "*9223372036854775807\r\n", "*1\r\n$9223372036854775807\r\n",
	} {
		if got := AppendArgs(nil, []byte(bad)); len(got) > 0 {
			t.Errorf("%q: %q", bad, got)
		}
		if got := AppendCanonical(nil, []byte(bad)); len(got) > 0 {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestAppendAllocs(t *testing.T) {
	frame := []byte("*3\rx$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
	line := []byte("SET \"k\" v\r\n")
	out, args := make([]byte, 0, 256), make([][]byte, 0, 8)
	if got := testing.AllocsPerRun(100, func() {
		args = AppendArgs(args[:0], frame)
		out = AppendCommand(out[:0], args...)
		out = AppendCanonical(out, frame)
		out, _, _ = AppendInline(out, line)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	if want := bytes.Repeat(AppendCommandStrings(nil, "SET", "k", "v"), 3); !bytes.Equal(out, want) {
		t.Errorf("%q", out)
	}
}

func TestParseInt(t *testing.T) {
	for _, n := range []int64{
		0, 1, 9, 10, -1, -10,
		math.MaxInt32, math.MaxInt64 - 1, math.MaxInt64, math.MinInt64 + 1, math.MinInt64,
	} {
		if got, ok := parseInt([]byte(strconv.FormatInt(n, 10))); got != n || !ok {
			t.Errorf("%d: %d, %v", n, got, ok)
		}
	}
	for _, s := range []string{
		"", "-", "+1", "-0", "00", "01", "-01", "1 ", " 1", "1.", "0x1", strings.Repeat("1", 30),
		"9223372036854775808", "-9223372036854775809", "18446744073709551617", "99999999999999999999",
	} {
		if got, ok := parseInt([]byte(s)); ok {
			t.Errorf("%q: %d", s, got)
		}
	}
}
