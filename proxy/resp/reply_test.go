package resp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const nextReply = "+NEXT\r\n"

// ended is what Replies tells of a reply.
type ended struct {
	at  int
	typ byte
}

// feedReplies gives data to a scanner in chunks of step(bytes given so far).
func feedReplies(t *testing.T, data []byte, step func(int) int) (ends []ended, text string, typ byte) {
	t.Helper()
	var s Replies
	for p := 0; p < len(data); {
		to := min(len(data), p+max(1, step(p)))
		for p < to {
			b := data[p:to:to]
			n, done, err := s.Next(b)
			if n < 0 || n > len(b) || err == nil && !done && n < len(b) || done && n == 0 {
				t.Fatalf("Next(%q) = %d, %v, %v", b, n, done, err)
			}
			if err != nil {
				if _, done, again := s.Next([]byte(nextReply)); done || again != err {
					t.Fatalf("an error was forgotten: %v", again)
				}
				return ends, err.Error(), s.Type()
			}
			p += n
			if done {
				ends = append(ends, ended{p, s.Type()})
			}
		}
	}
	return ends, "", s.Type()
}

// everyReplyCut demands that no cut changes anything, and gives the outcome.
func everyReplyCut(t *testing.T, data []byte) ([]ended, string) {
	t.Helper()
	ends, text, typ := feedReplies(t, data, func(int) int { return len(data) })
	for name, step := range cuts(len(data)) {
		gotEnds, gotText, gotTyp := feedReplies(t, data, step)
		if !slices.Equal(gotEnds, ends) || gotText != text || gotTyp != typ {
			t.Fatalf("%q cut %s: %v %q %q, want %v %q %q", data, name, gotEnds, gotText, gotTyp, ends, text, typ)
		}
	}
	return ends, text
}

func TestReplies(t *testing.T) {
	for reply, typ := range map[string]byte{
		"+OK\r\n":                   '+',
		"+\r\n":                     '+',
		"-ERR unknown command\r\n":  '-',
		":1\r\n":                    ':',
		":-9223372036854775808\r\n": ':',
		":+1\r\n":                   ':',
		":0\r\n":                    ':',
		"$0\r\n\r\n":                '$',
		"$-1\r\n":                   '$',
		"$2\r\n\r\n\r\n":            '$',
		"$12\r\nhello, world\r\n":   '$',
		"*-1\r\n":                   '*',
		"*0\r\n":                    '*',
		"_\r\n":                     '_',
		"#t\r\n":                    '#',
		"#f\r\n":                    '#',
		",1.5e10\r\n":               ',',
		",-inf\r\n":                 ',',
		"(1234567890123456789012345678901234567890\r\n": '(',
		"!5\r\nERR x\r\n":                            '!',
		"=8\r\ntxt:some\r\n":                         '=',
		"*3\r\n:1\r\n$1\r\na\r\n*2\r\n+x\r\n$-1\r\n": '*',
		"*2\r\n*0\r\n*1\r\n*-1\r\n":                  '*',
		"*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n":             '*',
		"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n#t\r\n":       '%',
		"%0\r\n":                                     '%',
		"~2\r\n+a\r\n_\r\n":                          '~',
		"~0\r\n":                                     '~',
		">2\r\n$7\r\nmessage\r\n+x\r\n":              '>',
		">0\r\n":                                     '>',
		"*2\r\n%1\r\n+k\r\n~1\r\n,1\r\n+end\r\n":     '*',
		// An attribute belongs to what follows it, wherever it stands.
		"|1\r\n+k\r\n*2\r\n:1\r\n:2\r\n$1\r\na\r\n": '$',
		"|0\r\n+OK\r\n": '+',
		"|1\r\n+a\r\n+b\r\n|1\r\n+c\r\n+d\r\n:1\r\n":      ':',
		"|1\r\n+a\r\n+b\r\n>1\r\n+x\r\n":                  '>',
		"*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n":            '*',
		"*1\r\n|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n+d\r\n_\r\n": '*',
		"*2\r\n:1\r\n|0\r\n:2\r\n":                        '*',
		// Pushes inside an array, as Redis 6.0 and 7.0 send them from EXEC.
		"*3\r\n+PONG\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n+OK\r\n$1\r\n2\r\n": '*',
		"*2\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n:1\r\n+PONG\r\n":           '*',
		"*1\r\n>4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$2\r\nhi\r\n:1\r\n":        '*',
		"*1\r\n>0\r\n:1\r\n":                                  '*',
		"*1\r\n>2\r\n+x\r\n$9\r\nsubscribe\r\n:1\r\n":         '*', // only the first tells the kind
		"*1\r\n>2\r\n$-1\r\n$9\r\nsubscribe\r\n:1\r\n":        '*',
		"*1\r\n>2\r\n$0\r\n\r\n$9\r\nsubscribe\r\n:1\r\n":     '*',
		"*1\r\n>1\r\n*1\r\n$9\r\nsubscribe\r\n:1\r\n":         '*',
		"*1\r\n>1\r\n$22\r\nsubscribe-to-something\r\n:1\r\n": '*',
		// A confirmation is itself the element.
		"*2\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n+OK\r\n": '*',
		"*1\r\n>3\r\n$10\r\npsubscribe\r\n$1\r\na\r\n:1\r\n":      '*',
		"*1\r\n>3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n":         '*',
		"*1\r\n>3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n":        '*',
	} {
		ends, text := everyReplyCut(t, []byte(reply+nextReply))
		want := []ended{{len(reply), typ}, {len(reply) + len(nextReply), '+'}}
		if !slices.Equal(ends, want) || text != "" {
			t.Errorf("%q: %v %q, want %v", reply, ends, text, want)
		}
	}
}

func TestRepliesMalformed(t *testing.T) {
	digits := strings.Repeat("1", 30)
	for reply, want := range map[string]*ReplyError{
		"\r\n":                      errType('\r'),
		"PONG\r\n":                  errType('P'),
		"\x00":                      errType(0),
		".\r\n":                     errType('.'),
		";4\r\n":                    errType(';'),
		"+OK\n":                     errLine,
		"+O\nK\r\n":                 errLine,
		"+OK\rX":                    errLine,
		"+" + digits + "aaa\n\r\n":  errLine,
		"-ERR\r\r\n":                errLine,
		":1\n":                      errLine,
		":1\rX":                     errLine,
		"$1\n":                      errLine,
		"*1\r\r":                    errLine,
		":\r\n":                     errNumber,
		":-\r\n":                    errNumber,
		":1x\r\n":                   errNumber,
		":1-\r\n":                   errNumber,
		":" + digits + "\r\n":       errLong,
		"$" + digits + "\r\n":       errLong,
		"_x\r\n":                    errNull,
		"#x\r\n":                    errBool,
		"#\r\n":                     errBool,
		"#tt\r\n":                   errBool,
		"$1\r\nab\r\n":              errBulkEnd,
		"$1\r\na\n":                 errBulkEnd,
		"$1\r\na\rx":                errBulkEnd,
		"$0\r\nx":                   errBulkEnd,
		"$-2\r\n":                   errLength,
		"$\r\n":                     errLength,
		"$+1\r\n":                   errLength,
		"$01\r\n":                   errLength,
		"$-0\r\n":                   errLength,
		"$1099511627777\r\n":        errLength,
		"$9223372036854775807\r\n":  errLength,
		"$18446744073709551617\r\n": errLength,
		"!-1\r\n":                   errLength,
		"=-1\r\n":                   errLength,
		"*-2\r\n":                   errLength,
		"*8589934593\r\n":           errLength,
		"*9223372036854775807\r\n":  errLength,
		"*18446744073709551617\r\n": errLength,
		"%4611686018427387905\r\n":  errLength,
		"%9223372036854775807\r\n":  errLength,
		"|4611686018427387904\r\n":  errLength,
		"%-1\r\n":                   errLength,
		"~-1\r\n":                   errLength,
		">-1\r\n":                   errLength,
		"|-1\r\n":                   errLength,
		"$?\r\n":                    errStreamed,
		"*?\r\n":                    errStreamed,
		"%?\r\n":                    errStreamed,
	} {
		ends, text := everyReplyCut(t, []byte(nextReply+reply+nextReply))
		if len(ends) != 1 || text != want.Error() {
			t.Errorf("%q: %v %q, want %q", reply, ends, text, want)
		}
		if ends, text := everyReplyCut(t, []byte("*3\r\n"+reply+nextReply)); len(ends) != 0 || text != want.Error() {
			t.Errorf("%q in an array: %v %q, want %q", reply, ends, text, want)
		}
	}
}

func TestRepliesBounds(t *testing.T) {
	whole := func(int) int { return 1 << 30 }
	for _, open := range []string{"*1\r\n", "%1\r\n+k\r\n", "~1\r\n", "|1\r\n+k\r\n"} {
		deep := strings.Repeat(open, MaxDepth) + ":1\r\n"
		want := []ended{{len(deep), open[0]}}
		if open[0] == '|' { // each is a value of the last; then nothing has its own reply yet
			want = nil
		}
		if ends, text, _ := feedReplies(t, []byte(deep), whole); !slices.Equal(ends, want) || text != "" {
			t.Errorf("%q, %d deep: %v %q", open, MaxDepth, ends, text)
		}
		if _, text, _ := feedReplies(t, []byte(open+deep), whole); text != errDepth.Error() {
			t.Errorf("%q, %d deep: %q", open, MaxDepth+1, text)
		}
	}
	// What is last in its level nests no deeper for it: only what is open counts.
	wide := "*2000\r\n" + strings.Repeat("*1\r\n:1\r\n", 2000)
	if ends, text, _ := feedReplies(t, []byte(wide), whole); len(ends) != 1 || text != "" {
		t.Error(len(ends), text)
	}
	line := "+" + strings.Repeat("x", 600<<10) + "\r\n"
	for _, step := range []int{1 << 30, 16384, 7} {
		ends, text, _ := feedReplies(t, []byte(line+nextReply), func(int) int { return step })
		if len(ends) != 2 || ends[0].at != len(line) || text != "" {
			t.Error("a long line:", ends, text)
		}
	}
	for _, open := range []string{
		fmt.Sprintf("$%d\r\nx", int64(MaxBulk)), fmt.Sprintf("*%d\r\n", int64(MaxCount)), fmt.Sprintf("%%%d\r\n", int64(MaxCount)),
	} {
		if ends, text, typ := feedReplies(t, []byte(open), whole); len(ends) != 0 || text != "" || typ != open[0] {
			t.Errorf("%q: %v %q %q", open, ends, text, typ)
		}
	}
}

// Two channels in one SUBSCRIBE inside MULTI: told as the doc of Replies says, too early,
// and never too late, which would take the next reply into this one.
func TestRepliesAmbiguousConfirmations(t *testing.T) {
	const sub = ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
	ends, text := everyReplyCut(t, []byte("*2\r\n"+sub+sub+"+PONG\r\n"+nextReply))
	p := 4 + 2*len(sub)
	if want := []ended{{p, '*'}, {p + 7, '+'}, {p + 14, '+'}}; !slices.Equal(ends, want) || text != "" {
		t.Errorf("%v %q, want %v", ends, text, want)
	}
}

func TestRepliesTypeAndReset(t *testing.T) {
	var s Replies
	for _, c := range []struct {
		chunk string
		typ   byte
	}{
		{"", 0}, {"|", 0}, {"1\r\n+k", 0}, {"\r\n+v\r\n", 0}, {"*", '*'}, {"1\r\n", '*'}, {"+x\r\n", '*'}, {"", '*'}, {"|0\r\n", 0}, {":", ':'},
	} {
		if n, _, err := s.Next([]byte(c.chunk)); n != len(c.chunk) || err != nil || s.Type() != c.typ {
			t.Errorf("%q: %d, %v, type %q, want %q", c.chunk, n, err, s.Type(), c.typ)
		}
	}
	if _, _, err := s.Next([]byte("x")); err != nil {
		t.Fatal(err) // the line's end will tell
	}
	if _, _, err := s.Next([]byte("\r\n")); err == nil {
		t.Fatal("no error")
	}
	s.Reset()
	if n, done, err := s.Next([]byte(nextReply)); n != len(nextReply) || !done || err != nil {
		t.Error(n, done, err)
	}
}

func TestRepliesAllocs(t *testing.T) {
	data := []byte("+OK\r\n:1\r\n$64\r\n" + strings.Repeat("x", 64) +
		"\r\n*2\r\n%1\r\n+a\r\n+b\r\n$-1\r\n|1\r\n+a\r\n+b\r\n_\r\n")
	var s Replies
	for _, step := range []int{len(data), 1} {
		if got := testing.AllocsPerRun(100, func() {
			for p := 0; p < len(data); {
				n, _, err := s.Next(data[p:min(len(data), p+step)])
				if err != nil {
					t.Fatal(err)
				}
				p += n
			}
		}); got != 0 {
			t.Errorf("by %d: %v allocations", step, got)
		}
	}
}
