package commands

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// semantic is a line of a table that says what a command of the catalogue does. Commands are words, separated by spaces;
// a word may be quoted as in Go ("" is an empty one), {s+1000} is the time in 1,000 seconds in seconds since 1970,
// {ms-1000} the one a second ago in milliseconds.
type semantic struct {
	before string // commands that make the dataset, separated by "; "
	call   string
	reply  string // as show writes it; one that ends in "..." is a beginning
	reply3 string // in RESP3; "": the same, but for nulls
	after  string // commands that make the dataset expected; "": the one before; "none": no keys
	ours   bool   // a server that has the command itself may answer otherwise
}

// semantics checks the table with the catalogue's scripts on each server, in both protocols, and with the command itself on
// those that have it: there only the code of an error is compared.
func semantics(t *testing.T, cases []semantic) {
	eachServer(t, func(t *testing.T, s *server) {
		rg := loadCatalogue(t, testSettings)
		for _, proto := range []string{"2", "3"} {
			c, judge := s.dial(t).load(rg), s.dial(t)
			c.do("HELLO", proto)
			for _, tc := range cases {
				tc.run(t, c, judge, "RESP"+proto, func(words []string) string { return c.call(words...) })
				if !tc.ours && c.nativelyTaken(tc.call) {
					tc.run(t, c, judge, "native RESP"+proto, func(words []string) string { return c.do(words...) })
				}
			}
		}
	})
}

// nativelyTaken reports whether the server itself has the command of that call, with all its options.
func (c *client) nativelyTaken(call string) bool {
	words := splitWords(c.t, call, time.Now())
	custom := c.rg.Lookup([]byte(words[0]))
	up := c.s.up
	up.Native = c.rg.Native(c.has)
	if !custom.Extends() {
		return custom.Native(&up)
	}
	var args [][]byte
	for _, w := range words {
		args = append(args, []byte(w))
	}
	return !custom.Takes(args, &up)
}

// has asks the server whether it has what the probe names.
func (c *client) has(p Probe) bool {
	reply := c.do("COMMAND", "INFO", p.Command)
	if p.Token != "" {
		reply = c.do("COMMAND", "DOCS", p.Command)
		return strings.Contains(reply, "\r\n"+p.Token+"\r\n")
	}
	return strings.Contains(reply, "\r\n"+p.Command+"\r\n")
}

func (tc *semantic) run(t *testing.T, c, judge *client, how string, call func([]string) string) {
	t.Helper()
	now := judge.fresh(tc.before)
	before := judge.snapshot()
	got := show(call(splitWords(t, tc.call, now)))
	want := tc.reply
	if strings.HasSuffix(how, "RESP3") {
		want = cmp.Or(tc.reply3, asRESP3(tc.reply))
	}
	if strings.HasPrefix(how, "native") && strings.HasPrefix(want, "-") {
		want, _, _ = strings.Cut(want, " ")
		want += "..."
	}
	if start, is := strings.CutSuffix(want, "..."); !(is && strings.HasPrefix(got, start) || got == want) {
		t.Errorf("%s: %s | %s\n got %s\nwant %s", how, tc.before, tc.call, got, want)
	}
	after := judge.snapshot()
	if tc.after != "" {
		before = judge.expected(strings.TrimPrefix(tc.after, "none"), now)
	}
	if diff := before.differs(after); diff != "" {
		t.Errorf("%s: %s | %s\nthe dataset: %s", how, tc.before, tc.call, diff)
	}
}

// asRESP3 turns the nulls of a reply, as show writes it, into RESP3's.
func asRESP3(shown string) string {
	for range 2 { // neighbours share the space between them
		shown = nulls.ReplaceAllString(shown, "${1}_$2")
	}
	return shown
}

var nulls = regexp.MustCompile(`(^|[\[ ])(?:\$-1|\*-1)($|[\] ])`)

// fresh makes a dataset anew in db 0 and returns the time that its commands meant.
func (c *client) fresh(commands string) time.Time {
	c.t.Helper()
	c.do("FLUSHALL")
	now := time.Now()
	c.fill(commands, now)
	return now
}

// expected is what a snapshot of the dataset made by commands would be.
func (c *client) expected(commands string, now time.Time) snapshot {
	c.t.Helper()
	c.do("SELECT", "1")
	c.do("FLUSHDB")
	c.fill(commands, now)
	s := c.snapshot()
	c.do("SELECT", "0")
	return s
}

func (c *client) fill(commands string, now time.Time) {
	c.t.Helper()
	for command := range strings.SplitSeq(commands, "; ") {
		if command == "" {
			continue
		}
		if got := c.do(splitWords(c.t, command, now)...); strings.HasPrefix(got, "-") {
			c.t.Fatalf("%s: %s", command, got)
		}
	}
}

// snapshot holds, by key, its type and value as text, and when it expires in milliseconds since 1970; 0: never.
type snapshot map[string]snapped

type snapped struct {
	value    string
	deadline int64
}

// snapshotScript reads everything in one instant.
const snapshotScript = `
local now, out = redis.call('TIME'), {}
now = now[1] * 1000 + math.floor(now[2] / 1000)
for _, k in ipairs(redis.call('KEYS', '*')) do
  local kind, left, v = redis.call('TYPE', k).ok, redis.call('PTTL', k), {}
  if kind == 'string' then v = {redis.call('GET', k)}
  elseif kind == 'list' then v = redis.call('LRANGE', k, 0, -1)
  elseif kind == 'set' then v = redis.call('SMEMBERS', k); table.sort(v)
  elseif kind == 'zset' then v = redis.call('ZRANGE', k, 0, -1, 'WITHSCORES')
  elseif kind == 'hash' then
    local fields = redis.call('HKEYS', k)
    table.sort(fields)
    for _, f in ipairs(fields) do v[#v + 1] = f; v[#v + 1] = redis.call('HGET', k, f) end
  elseif kind == 'stream' then
    for _, e in ipairs(redis.call('XRANGE', k, '-', '+')) do
      v[#v + 1] = e[1]
      for _, w in ipairs(e[2]) do v[#v + 1] = w end
    end
    for _, w in ipairs(redis.call('XINFO', 'STREAM', k)) do
      if w == 'last-generated-id' then v[#v + 1] = w elseif v[#v] == 'last-generated-id' then v[#v + 1] = w end
    end
  end
  if left >= 0 then left = string.format('%.0f', now + left) else left = '0' end
  table.insert(v, 1, kind)
  out[#out + 1] = {k, left, v}
end
return out`

func (c *client) snapshot() snapshot {
	c.t.Helper()
	reply := c.do("EVAL", snapshotScript, "0")
	all, rest := parseReply(reply + "\r\n")
	if rest != "" || all.kind != '*' {
		c.t.Fatalf("snapshot: %q", reply)
	}
	s := snapshot{}
	for _, e := range all.elems {
		var value []string
		for _, v := range e.elems[2].elems {
			value = append(value, strconv.Quote(v.text))
		}
		deadline, _ := strconv.ParseInt(e.elems[1].text, 10, 64)
		s[e.elems[0].text] = snapped{strings.Join(value, " "), deadline}
	}
	return s
}

// slack is how far apart two deadlines may be to count as the same: the commands that make what is expected run later than
// the call. So times to live in tables are at least 1,000 s, and differ by more than this.
const slack = 100 * time.Second

// differs says in words how got differs from what it should be; "": not at all.
func (s snapshot) differs(got snapshot) string {
	var l []string
	for k, want := range s {
		switch g, ok := got[k]; {
		case !ok:
			l = append(l, fmt.Sprintf("%q is missing", k))
		case g.value != want.value:
			l = append(l, fmt.Sprintf("%q is %.300s, want %.300s", k, g.value, want.value))
		case (g.deadline == 0) != (want.deadline == 0), (time.Duration(g.deadline-want.deadline) * time.Millisecond).Abs() > slack:
			l = append(l, fmt.Sprintf("%q expires at %d, want %d", k, g.deadline, want.deadline))
		}
	}
	for k, g := range got {
		if _, ok := s[k]; !ok {
			l = append(l, fmt.Sprintf("%q should not be there: %.300s", k, g.value))
		}
	}
	slices.Sort(l)
	return strings.Join(l, "; ")
}

var times = regexp.MustCompile(`\{(s|ms)([+-][0-9]+)\}`)

// splitWords splits a command line of a table.
func splitWords(t *testing.T, line string, now time.Time) []string {
	t.Helper()
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, times.ReplaceAllStringFunc(word, func(p string) string { return timeWord(p, now) })), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		word, _ := strconv.Unquote(quoted)
		words, line = append(words, word), line[len(quoted):]
	}
	return words
}

func timeWord(placeholder string, now time.Time) string {
	m := times.FindStringSubmatch(placeholder)
	n, _ := strconv.ParseInt(m[2], 10, 64)
	if m[1] == "s" {
		return strconv.FormatInt(now.Unix()+n, 10)
	}
	return strconv.FormatInt(now.UnixMilli()+n, 10)
}

// respReply is a reply taken apart.
type respReply struct {
	kind  byte
	text  string
	elems []respReply
}

func parseReply(raw string) (r respReply, rest string) {
	head, rest, _ := strings.Cut(raw, "\r\n")
	if head == "" {
		return respReply{}, ""
	}
	r.kind, r.text = head[0], head[1:]
	n, _ := strconv.Atoi(r.text)
	switch r.kind {
	case '$':
		if n >= 0 && len(rest) >= n+2 {
			r.kind, r.text, rest = '"', rest[:n], rest[n+2:]
		}
	case '*', '~', '>', '%':
		if r.kind == '%' {
			n *= 2
		}
		for range n {
			var e respReply
			e, rest = parseReply(rest)
			r.elems = append(r.elems, e)
		}
	}
	return r, rest
}

// show writes a reply on one line: "+OK", ":1", "$-1", "\"bulk\"", "[:1 \"a\"]" for an array, "~[...]" and "%[...]" for RESP3's
// other aggregates.
func show(raw string) string {
	r, rest := parseReply(raw + "\r\n")
	if rest != "" {
		return fmt.Sprintf("%q, which is not one reply", raw)
	}
	return r.String()
}

func (r respReply) String() string {
	switch r.kind {
	case '"':
		return strconv.Quote(r.text)
	case '*', '~', '>', '%':
		if r.text == "-1" {
			return "*-1"
		}
		var l []string
		for _, e := range r.elems {
			l = append(l, e.String())
		}
		return strings.TrimPrefix(string(r.kind), "*") + "[" + strings.Join(l, " ") + "]"
	}
	return string(r.kind) + r.text
}
