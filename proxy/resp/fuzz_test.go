package resp

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// randomStep cuts by chance, mostly into small chunks. The same seed cuts alike.
func randomStep(seed uint64) func(int) int {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(int) int {
		if r.IntN(4) == 0 {
			return r.IntN(64)
		}
		return r.IntN(4)
	}
}

// Frames that broke others: lengths at the edges of the integer types, counts without
// arguments, deep nesting, lines that do not end.
var edges = []string{
	"0", "-0", "1", "-1", "-2", "01", "+1", "", "?", "2147483647", "2147483648", "4294967296", "4294967297",
	"4611686018427387905", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551617",
}

func FuzzRequests(f *testing.F) {
	for _, n := range edges {
		f.Add([]byte("*"+n+"\r\n"+next), uint64(1), byte(0))
		f.Add([]byte("*1\r\n$"+n+"\r\n"+next), uint64(2), byte(1))
	}
	for _, s := range []string{
		next, "*1\rX$4\rYPINGab" + next, "PING\r\n", "ECHO \"a\\x41\\n\" 'b\\''\r\n", "ECHO \"a\"b\r\n", "\x00\r\n", "\r\n", "*1\r\n\r\n",
		"*1\r\nX\r\n", "*2\r\n$3\r\nGET\r\n$1234\r\n" + strings.Repeat("v", 1234) + "\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
		"*1\r\n$" + strings.Repeat("1", 100), strings.Repeat("*1\r\n", 100),
	} {
		f.Add([]byte(s), uint64(3), byte(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, limits byte) {
		lim := DefaultLimits()
		lim.Auth = limits&1 != 0
		if limits&2 != 0 {
			lim.Args, lim.Bulk, lim.Inline = 12, 200, 40
		}
		want := feedRequests(t, data, lim, func(int) int { return len(data) })
		for i := range uint64(4) {
			step := randomStep(seed + i)
			if got := feedRequests(t, data, lim, step); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q, cut:\ngot  %v\nwant %v", data, got, want)
			}
			checkStreamed(t, data, lim, randomStep(seed+i), want)
		}
		for _, c := range want.commands {
			checkEncoders(t, c)
		}
	})
}

func checkStreamed(t *testing.T, data []byte, lim Limits, step func(int) int, want outcome) {
	t.Helper()
	ends, text, need := streamRequests(t, data, lim, step)
	p := 0
	for i, c := range want.commands {
		p += len(c.frame)
		if i >= len(ends) || ends[i] != p {
			t.Fatalf("%q, streamed: ends %v, want command %d at %d", data, ends, i, p)
		}
	}
	if len(ends) != len(want.commands) || text != want.err || want.need > 0 && need != p+want.need {
		t.Fatalf("%q, streamed: %v %q need %d, want %q need %d", data, ends, text, need, want.err, p+want.need)
	}
}

// checkEncoders demands that what the encoders make of a command is canonical and means the same.
func checkEncoders(t *testing.T, c command) {
	t.Helper()
	frame := []byte(c.frame)
	var out []byte
	var args [][]byte
	switch c.kind {
	case Empty:
		if out, argc, err := AppendInline(nil, frame); frame[0] != '*' && (len(out) > 0 || argc > 0 || err != nil) {
			t.Fatalf("%q is a blank line, yet: %q %d %v", frame, out, argc, err)
		}
		return
	case Inline:
		var argc int
		var err error
		if out, argc, err = AppendInline(nil, frame); err != nil {
			return
		}
		if args = AppendArgs(nil, out); argc == 0 || len(args) != argc {
			t.Fatalf("%q: %d arguments, re-encoded as %q", frame, argc, out)
		}
	case Multibulk:
		args = AppendArgs(nil, frame)
		out = AppendCanonical(nil, frame)
		if len(args) != c.argc || c.canonical != bytes.Equal(out, frame) {
			t.Fatalf("%q: %d arguments, canonical: %v, re-encoded as %q", frame, len(args), c.canonical, out)
		}
		for i, a := range c.head {
			if a != string(args[i]) {
				t.Fatalf("%q: argument %d is %q and %q", frame, i, a, args[i])
			}
		}
	}
	var s Requests
	lim := DefaultLimits()
	n, err := s.Next(out, &lim)
	if n != len(out) || err != nil || !s.Canonical() || s.Argc() != len(args) {
		t.Fatalf("%q re-encoded as %q: %d, %v", frame, out, n, err)
	}
	if !bytes.Equal(AppendCommand(nil, args...), out) || !slices.EqualFunc(AppendArgs(nil, out), args, bytes.Equal) {
		t.Fatalf("%q re-encoded as %q: not the same arguments %q", frame, out, args)
	}
}

func FuzzReplies(f *testing.F) {
	for _, n := range edges {
		for _, c := range []string{"$", "*", "%", "~", "|", ">", "=", "!", ":"} {
			f.Add([]byte(c+n+"\r\n"+nextReply), uint64(1))
		}
	}
	for _, s := range []string{
		"+OK\r\n:1\r\n$3\r\nabc\r\n*2\r\n_\r\n#t\r\n", "%1\r\n,1.5\r\n(123\r\n", "|1\r\n+a\r\n+b\r\n*1\r\n:1\r\n", "+OK\n", "$1\r\nab\r\n",
		"*2\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n+OK\r\n:1\r\n", "*1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
		strings.Repeat("*1\r\n", 10000), strings.Repeat("|1\r\n", 1100), "+" + strings.Repeat("x", 5000),
	} {
		f.Add([]byte(s), uint64(2))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		ends, text, typ := feedReplies(t, data, func(int) int { return len(data) })
		for i := range uint64(4) {
			gotEnds, gotText, gotTyp := feedReplies(t, data, randomStep(seed+i))
			if !slices.Equal(gotEnds, ends) || gotText != text || gotTyp != typ {
				t.Fatalf("%q, cut: %v %q %q, want %v %q %q", data, gotEnds, gotText, gotTyp, ends, text, typ)
			}
		}
		start := 0
		for _, e := range ends { // each reply stands alone as well
			alone, text, _ := feedReplies(t, data[start:e.at], func(int) int { return len(data) })
			if len(alone) != 1 || alone[0] != (ended{e.at - start, e.typ}) || text != "" {
				t.Fatalf("%q: %v %q", data[start:e.at], alone, text)
			}
			start = e.at
		}
	})
}
