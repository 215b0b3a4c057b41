package resp

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const next = "*2\r\n$4\r\nECHO\r\n$4\r\nNEXT\r\n"

func TestRequests(t *testing.T) {
	long := strings.Repeat("x", 1234)
	for _, c := range []struct {
		frame     string
		kind      Kind
		canonical bool
		argc      int
		head      []string
	}{
		{"*1\r\n$4\r\nPING\r\n", Multibulk, true, 1, []string{"PING"}},
		{"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", Multibulk, true, 2, []string{"GET", ""}},
		{"*3\r\n$3\r\nSET\r\n$4\r\n\r\n$1\r\n$1234\r\n" + long + "\r\n", Multibulk, true, 3, []string{"SET", "\r\n$1", long}},
		{"*2\r\n$3\r\nGET\r\n$12\r\nhello, world\r\n", Multibulk, true, 2, []string{"GET", "hello, world"}},
		{"*2\r\n$3\r\nGET\r\n$102\r\n" + long[:102] + "\r\n", Multibulk, true, 2, []string{"GET", long[:102]}},
		{"*6\r\n" + strings.Repeat("$1\r\na\r\n", 6), Multibulk, true, 6, []string{"a", "a", "a", "a"}},
		{"*12\r\n" + strings.Repeat("$1\r\nb\r\n", 12), Multibulk, true, 12, []string{"b", "b", "b", "b"}},
		{"*9\r\n$1\r\na\r\n$2\r\nbb\r\n$3\r\nccc\r\n$4\r\ndddd\r\n$3\r\nccc\r\n$2\r\nbb\r\n$1\r\na\r\n$0\r\n\r\n$10\r\n0123456789\r\n",
			Multibulk, true, 9, []string{"a", "bb", "ccc", "dddd"}},
		// Two bytes skipped unseen, in each of the places.
		{"*1\rX$4\r\nPING\r\n", Multibulk, false, 1, []string{"PING"}},
		{"*12\r*" + strings.Repeat("$1\r\nb\r\n", 12), Multibulk, false, 12, []string{"b", "b", "b", "b"}},
		{"*1\r\n$4\rYPING\r\n", Multibulk, false, 1, []string{"PING"}},
		{"*1\r\n$4\r\nPINGab", Multibulk, false, 1, []string{"PING"}},
		{"*1\r\n$4\r\nPING\rb", Multibulk, false, 1, []string{"PING"}},
		{"*1\r\n$4\r\nPINGa\n", Multibulk, false, 1, []string{"PING"}},
		{"*1\r\n$1234\r\n" + long + "a\n", Multibulk, false, 1, []string{long}},
		{"*1\r\n$1234\r\n" + long + "\rb", Multibulk, false, 1, []string{long}},
		// No-ops.
		{"*0\r\n", Empty, false, 0, nil},
		{"*0\rX", Empty, false, 0, nil},
		{"*-1\r\n", Empty, false, 0, nil},
		{"*-9223372036854775808\r\n", Empty, false, 0, nil},
		{"\r\n", Empty, false, 0, nil},
		{"\n", Empty, false, 0, nil},
		{"\r\r\n", Empty, false, 0, nil},
		{" \t\v\f\r \r\n", Empty, false, 0, nil},
		{"PING\r\n", Inline, false, 0, nil},
		{"PING\n", Inline, false, 0, nil},
		{"$4\r\n", Inline, false, 0, nil},
		{"\"\"\r\n", Inline, false, 0, nil},
		{"GET a\rb\r\n", Inline, false, 0, nil},
	} {
		o := everyCut(t, []byte(c.frame+next), DefaultLimits())
		want := outcome{commands: []command{
			{c.frame, c.kind, c.canonical, c.argc, c.head},
			{next, Multibulk, true, 2, []string{"ECHO", "NEXT"}},
		}}
		if !reflect.DeepEqual(o, want) {
			t.Errorf("%q:\ngot  %v\nwant %v", c.frame, o, want)
		}
	}
}

func TestRequestsMalformed(t *testing.T) {
	const count, bulk = "invalid multibulk length", "invalid bulk length"
	for frame, text := range map[string]string{
		"*\r\n":                                 count,
		"*-0\r\n":                               count,
		"*-\r\n":                                count,
		"*00\r\n":                               count,
		"*01\r\n":                               count,
		"*+1\r\n":                               count,
		"* 1\r\n":                               count,
		"*1 \r\n":                               count,
		"*1x\r\n":                               count,
		"*0x1\r\n":                              count,
		"*1\n$4\r\n":                            count,
		"*1\x00\r\n":                            count, // Redis waits for 64 KiB
		"*2147483648\r\n":                       count,
		"*4294967296\r\n":                       count,
		"*4294967297\r\n":                       count,
		"*9223372036854775807\r\n":              count,
		"*9223372036854775808\r\n":              count,
		"*18446744073709551617\r\n":             count,
		"*-9223372036854775809\r\n":             count,
		"*184467440737095516170001\r\n":         count,
		"*" + strings.Repeat("1", 100) + "\r\n": count,
		"*1\r\n$\r\n":                           bulk,
		"*1\r\n$-1\r\n":                         bulk,
		"*1\r\n$-0\r\n":                         bulk,
		"*1\r\n$01\r\n":                         bulk,
		"*1\r\n$007\r\n":                        bulk,
		"*1\r\n$+4\r\nPING\r\n":                 bulk,
		"*1\r\n$4x\r\nPING\r\n":                 bulk,
		"*1\r\n$4\x00\r\nPING\r\n":              bulk,
		"*1\r\n$536870913\r\n":                  bulk,
		"*1\r\n$2147483648\r\n":                 bulk,
		"*1\r\n$4294967296\r\n":                 bulk,
		"*1\r\n$9223372036854775807\r\n":        bulk,
		"*1\r\n$18446744073709551617\r\n":       bulk,
		"*1\r\n$18446744073709551616000000\r\n": bulk,
		"*1\r\nPING\r\n":                        "expected '$', got 'P'",
		"*1\r\n+" + strings.Repeat("x", 90) + "\r\n": "expected '$', got '+'",
		"*1\r\n\r\n":                             "expected '$', got ' '",
		"*1\r\n\r\r\n":                           "expected '$', got ' '",
		"*1\r\n\n\r\n":                           "expected '$', got ' '",
		"*1\r\n\x00\r\n":                         "expected '$', got '\x00'",
		"*1\r\n\xff\r\n":                         "expected '$', got '\xff'",
		"*1\r\n'\r\n":                            "expected '$', got '''",
		"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n": "expected '$', got 'f'",
		"PING\x00\r\n":                           "NUL byte in inline request",
		"\x00\r\n":                               "NUL byte in inline request",
		"ECHO \"\x00\"\n":                        "NUL byte in inline request",
	} {
		// What was good before it counts, and what follows it does not.
		o := everyCut(t, []byte(next+frame+next), DefaultLimits())
		if len(o.commands) != 1 || o.commands[0].frame != next || o.err != "Protocol error: "+text {
			t.Errorf("%q: %v, want %q", frame, o, text)
		}
	}
}

func TestRequestsLimits(t *testing.T) {
	x := strings.Repeat("1", 70000)
	old := Limits{Args: 1 << 20, Bulk: 512 << 20, Inline: 64 << 10}
	auth := DefaultLimits()
	auth.Auth = true
	few := Limits{Args: 3, Bulk: 5, Inline: 16}
	for _, c := range []struct {
		lim  Limits
		data string
		err  string // "" for an incomplete command, "ok" for a whole one
	}{
		{DefaultLimits(), "*2147483647\r\n", ""},
		{DefaultLimits(), "*1\r\n$536870912\r\n", ""},
		{old, "*1048576\r\n", ""},
		{old, "*1048577\r\n", "invalid multibulk length"},
		{auth, "*10\r\n", ""},
		{auth, "*11\r\n", "unauthenticated multibulk length"},
		{auth, "*2147483648\r\n", "invalid multibulk length"},
		{auth, "*1\r\n$16384\r\n", ""},
		{auth, "*1\r\n$16385\r\n", "unauthenticated bulk length"},
		{auth, "*1\r\n$536870913\r\n", "invalid bulk length"},
		{few, "*3\r\n$5\r\n12345\r\n", ""},
		{few, "*4\r\n", "invalid multibulk length"},
		{few, "*2\r\n$6\r\n123456\r\n", "invalid bulk length"},
		{few, "123456789012345\r\n", "ok"},
		{few, "1234567890123456\n", "ok"},
		{few, "1234567890123456\r\n", "too big inline request"},
		{DefaultLimits(), x[:65536], ""},
		{DefaultLimits(), x[:65536] + "\n", "ok"},
		{DefaultLimits(), x[:65537], "too big inline request"},
		{DefaultLimits(), x[:65537] + "\n", "too big inline request"},
		{DefaultLimits(), "*" + x[:65535], ""},
		{DefaultLimits(), "*" + x[:65535] + "\r\n", "invalid multibulk length"},
		{DefaultLimits(), "*" + x[:65536], "too big mbulk count string"},
		{DefaultLimits(), "*" + x[:65536] + "\r\n", "too big mbulk count string"},
		{DefaultLimits(), "*1\r\n$" + x[:65535], ""},
		{DefaultLimits(), "*1\r\n$" + x[:65535] + "\r\n", "invalid bulk length"},
		{DefaultLimits(), "*1\r\nX" + x[:65536], "too big bulk count string"},
		{DefaultLimits(), "*1\r\nX" + x[:65536] + "\r\n", "too big bulk count string"},
	} {
		for _, step := range []int{1, 1000, 1 << 20} {
			o := feedRequests(t, []byte(c.data), c.lim, func(int) int { return step })
			got := strings.TrimPrefix(o.err, "Protocol error: ")
			if len(o.commands) == 1 {
				got = "ok"
			}
			_, streamed, _ := streamRequests(t, []byte(c.data), c.lim, func(int) int { return step })
			if got != c.err || streamed != o.err {
				t.Errorf("%.20q, %d bytes, by %d: %q, streamed %q, want %q", c.data, len(c.data), step, got, streamed, c.err)
			}
		}
	}
}

// A scanner never looks again at what it has searched: after each call the search
// goes on at the last byte or behind it, or the end is known by counting.
func TestRequestsLinear(t *testing.T) {
	const size = 1 << 20
	lim := DefaultLimits()
	for name, data := range map[string][]byte{
		"one bulk":    AppendCommandStrings(nil, "SET", "k", strings.Repeat("\r\n", size/2)),
		"many small":  AppendCommandStrings(nil, slices.Repeat([]string{"x"}, size/7)...),
		"a long line": append(bytes.Repeat([]byte{' '}, 64<<10), '\n'),
		"a bad count": append(bytes.Repeat([]byte{'*'}, 64<<10), "\r\n"...),
	} {
		var s Requests
		for i := 1; i < len(data); i++ {
			n, err := s.Next(data[:i], &lim)
			if n != 0 || err != nil {
				t.Fatal(name, i, n, err)
			}
			switch s.state {
			case inBody:
				if s.end <= i {
					t.Fatalf("%s: %d of %d bytes are there and not taken", name, i, s.end)
				}
			case inLength:
				if s.line < i-maxLine { // so many bytes short may read once more
					t.Fatalf("%s: the line of %d is not ended at %d", name, s.line, i)
				}
				fallthrough
			default:
				if s.at < i-1 {
					t.Fatalf("%s: searches from %d again, having seen %d", name, s.at, i)
				}
			}
		}
		n, err := s.Next(data, &lim)
		if whole := n == len(data) && err == nil; whole == (name == "a bad count") {
			t.Fatal(name, n, err)
		}
	}
}

func TestRequestsNeed(t *testing.T) {
	lim := DefaultLimits()
	for data, want := range map[string]int64{
		"":                             1,
		"*":                            4,
		"*1":                           4,
		"*12":                          5,
		"*1\r":                         4,
		"*1\r\n":                       4 + 6,
		"*3\r\n":                       4 + 3*6,
		"*1000000\r\n":                 10 + 6e6,
		"*2147483647\r\n":              13 + 6*2147483647,
		"*2\r\n$":                      4 + 2*6,
		"*2\r\n$10":                    4 + 7 + 6,
		"*2\r\n$10\r":                  4 + 7 + 6,
		"*2\r\n$10\r\n":                4 + 5 + 12 + 6,
		"*2\r\n$10\r\nx":               4 + 5 + 12 + 6,
		"*2\r\n$10\r\n0123456789\r":    4 + 5 + 12 + 6,
		"*2\r\n$10\r\n0123456789\r\n":  4 + 5 + 12 + 6,
		"*1\r\n$536870912\r\n":         4 + 12 + 536870912 + 2,
		"PING":                         5,
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r": 4 + 9 + 7,
	} {
		var s Requests
		if n, err := s.Next([]byte(data), &lim); n != 0 || err != nil || int64(s.Need()) != min(want, math.MaxInt) {
			t.Errorf("%q: %d, %v, need %d, want %d", data, n, err, s.Need(), want)
		}
	}
}

// A command that is streamed on: the caller sees early that it is long, drops what
// it has sent, and meets the end in the last chunk.
func TestRequestsStreamed(t *testing.T) {
	lim := DefaultLimits()
	cmd := AppendCommandStrings(nil, "SET", "k", strings.Repeat("v", 3<<20), "EX", "10")
	data := append(bytes.Clone(cmd), next...)
	var s Requests
	n, err := s.Next(data[:100], &lim)
	if n != 0 || err != nil || s.Need() < 3<<20 || string(s.Arg(data, 0)) != "SET" || s.Argc() != 5 {
		t.Fatal(n, err, s.Need(), s.Argc())
	}
	sent, have := 0, 100
	for n == 0 {
		s.Rebase(have - sent)
		if s.Args() != 0 {
			t.Fatal("arguments outlive their bytes")
		}
		sent, have = have, min(have+65536, len(data))
		if n, err = s.Next(data[sent:have], &lim); err != nil {
			t.Fatal(err)
		}
	}
	if sent+n != len(cmd) || !s.Canonical() {
		t.Fatalf("ends at %d, want %d; canonical: %v", sent+n, len(cmd), s.Canonical())
	}
	if n, err = s.Next(data[len(cmd):], &lim); n != len(next) || err != nil || s.Args() != 2 {
		t.Fatal(n, err, s.Args())
	}
	s.Rebase(5) // between commands there is nothing to move
	if n, err = s.Next([]byte("*1\r\n"), &lim); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	s.Reset()
	if n, err = s.Next([]byte(next), &lim); n != len(next) || err != nil {
		t.Fatal(n, err)
	}
}

func TestRequestsArgPanics(t *testing.T) {
	var s Requests
	lim := DefaultLimits()
	b := []byte("*2\r\n$3\r\nGET\r\n$9\r\nabc")
	if n, err := s.Next(b, &lim); n != 0 || err != nil || s.Args() != 1 {
		t.Fatal(n, err, s.Args())
	}
	defer func() {
		if recover() == nil {
			t.Error("an argument that is not there was given")
		}
	}()
	s.Arg(b, 1)
}

func TestRequestsAllocs(t *testing.T) {
	lim := DefaultLimits()
	var data []byte
	for range 4 {
		data = AppendCommandStrings(data, "GET", "key:000000000012")
		data = AppendCommandStrings(data, "SET", "key", strings.Repeat("x", 5000))
		data = append(data, "PING\r\n*0\r\n"...)
	}
	bad := []byte("*1\r\n$-1\r\n")
	var s Requests
	if got := testing.AllocsPerRun(100, func() {
		for p, have := 0, 0; p < len(data); {
			n, err := s.Next(data[p:have], &lim)
			if err != nil {
				t.Fatal(err)
			}
			if p += n; n == 0 {
				have = min(have+7, len(data))
			}
		}
		if _, err := s.Next(bad, &lim); err == nil {
			t.Fatal("taken")
		}
		s.Reset()
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
