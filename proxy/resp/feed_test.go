package resp

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// command is all that Requests tells of a command.
type command struct {
	frame     string
	kind      Kind
	canonical bool
	argc      int
	head      []string
}

// outcome is all that Requests tells of a stream: whole commands, then an error or the
// state inside an incomplete one.
type outcome struct {
	commands []command
	err      string
	open     command // the frame is empty, since Rebase may have dropped it
	need     int
}

// String quotes all of it, since frames hold line ends.
func (o outcome) String() string {
	return fmt.Sprintf("%q", fmt.Sprint(o.commands, o.err, o.open, o.need))
}

func describe(s *Requests, b []byte, n int) command {
	c := command{frame: string(b[:n]), kind: s.Kind(), canonical: s.Canonical(), argc: s.Argc()}
	for i := range s.Args() {
		c.head = append(c.head, string(s.Arg(b, i)))
	}
	return c
}

// feedRequests gives data to a scanner, growing by step(bytes given so far) at a time.
func feedRequests(t *testing.T, data []byte, lim Limits, step func(int) int) (o outcome) {
	t.Helper()
	var s Requests
	start := 0
	for have := 0; ; {
		b := data[start:have:have] // to look further is to panic
		n, err := s.Next(b, &lim)
		checkScanner(t, &s, b, n, err)
		switch {
		case err != nil:
			o.err = err.Error()
			return o
		case n > 0:
			o.commands = append(o.commands, describe(&s, b, n))
			start += n
		case have == len(data):
			if start < have {
				o.open, o.need = describe(&s, b, 0), s.Need()
			}
			return o
		default:
			have = min(len(data), have+max(1, step(have)))
		}
	}
}

// checkScanner states what holds after every call.
func checkScanner(t *testing.T, s *Requests, b []byte, n int, err error) {
	t.Helper()
	if n < 0 || n > len(b) || n > 0 && err != nil {
		t.Fatalf("Next(%q) = %d, %v", b, n, err)
	}
	if err == nil && n == 0 && s.Need() <= len(b) {
		t.Fatalf("Next(%q) wants more, Need says %d", b, s.Need())
	}
	if err == nil {
		return
	}
	p, ok := err.(*ProtocolError)
	if !ok || !bytes.HasPrefix([]byte(p.Text), []byte("Protocol error: ")) || bytes.ContainsAny([]byte(p.Text), "\r\n") {
		t.Fatalf("Next(%q): not an error line: %q", b, err)
	}
}

// streamRequests does as feedRequests, but whenever a multibulk command is incomplete it drops, in
// turn, nothing, all that there is but one byte, and all. It tells only the ends of commands, the error
// and how many bytes of data the incomplete command needs.
func streamRequests(t *testing.T, data []byte, lim Limits, step func(int) int) (ends []int, text string, need int) {
	t.Helper()
	var s Requests
	start, calls := 0, 0
	for have := 0; ; calls++ {
		n, err := s.Next(data[start:have:have], &lim)
		checkScanner(t, &s, data[start:have], n, err)
		switch {
		case err != nil:
			return ends, err.Error(), 0
		case n > 0:
			start += n
			ends = append(ends, start)
			continue
		case have == len(data):
			if start < have {
				need = start + s.Need()
			}
			return ends, "", need
		}
		if k := have - start - 2 + calls%3; calls%3 > 0 && s.Kind() == Multibulk && k > 0 {
			s.Rebase(k)
			start += k
		}
		have = min(len(data), have+max(1, step(have)))
	}
}

// cuts are ways to cut a stream of n bytes: whole, in two at each place, into pieces of 1 to 12.
func cuts(n int) map[string]func(int) int {
	all := map[string]func(int) int{
		"whole": func(int) int { return n },
	}
	for k := 1; k <= 12; k++ {
		all[fmt.Sprintf("by %d", k)] = func(int) int { return k }
	}
	for i := 1; i < n; i++ {
		all[fmt.Sprintf("at %d", i)] = func(have int) int {
			if have < i {
				return i - have
			}
			return n
		}
	}
	return all
}

// everyCut demands that no cut changes anything, nor dropping what was seen, and gives the outcome.
func everyCut(t *testing.T, data []byte, lim Limits) outcome {
	t.Helper()
	want := feedRequests(t, data, lim, func(int) int { return len(data) })
	var ends []int
	p := 0
	for _, c := range want.commands {
		p += len(c.frame)
		ends = append(ends, p)
	}
	for name, step := range cuts(len(data)) {
		got := feedRequests(t, data, lim, step)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q cut %s:\ngot  %v\nwant %v", data, name, got, want)
		}
		gotEnds, text, need := streamRequests(t, data, lim, step)
		if !slices.Equal(gotEnds, ends) || text != want.err || want.need > 0 && need != p+want.need {
			t.Fatalf("%q streamed, cut %s: got %v %q need %d, want %v %q need %d",
				data, name, gotEnds, text, need, ends, want.err, p+want.need)
		}
	}
	return want
}
