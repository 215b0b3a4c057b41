package difftest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// A script is a conversation of several clients, one step a line:
//
//	a: GET k        a sends a command and takes one reply
//	a! BLPOP q 5    a sends a command and goes on
//	a< GET k        a takes one more reply: that to GET k, which decides how it is compared
//	a# CLIENT ID    as a:, and the number in the reply is {a} in later steps
//	a.              a's connection must be at its end
//	a_              a must get nothing for a moment
//	~100            everybody waits, in milliseconds
//
// Arguments are quoted as in Go where they begin with a quote.
type script struct {
	name, steps string
}

const silence = 150 * time.Millisecond

// player plays a script to one address.
type player struct {
	addr    string
	clients map[byte]*redistest.Client
	ids     map[string]string
}

// transcript is what came at each step that takes something.
func transcript(t *testing.T, addr string, s script) []string {
	t.Helper()
	p := player{addr, map[byte]*redistest.Client{}, map[string]string{}}
	defer p.hangUp()
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(s.steps), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' {
			continue
		}
		if line[0] == '~' {
			ms, err := strconv.Atoi(line[1:])
			if err != nil {
				t.Fatalf("%s: step %q", s.name, line)
			}
			time.Sleep(time.Duration(ms) * time.Millisecond)
			continue
		}
		if came := p.step(t, line); came != "" {
			out = append(out, line+"  →  "+came)
		}
	}
	return out
}

func (p *player) hangUp() {
	for _, c := range p.clients {
		c.Close()
	}
}

func (p *player) step(t *testing.T, line string) string {
	t.Helper()
	c := p.clients[line[0]]
	if c == nil {
		c = redistest.Dial(t, p.addr)
		c.Timeout = replyTimeout
		p.clients[line[0]] = c
	}
	args := p.words(t, line[2:])
	if line[1] == ':' || line[1] == '!' || line[1] == '#' {
		if err := c.Send(redistest.Command(args...)); err != nil {
			return "sending failed"
		}
	}
	switch line[1] {
	case '!':
		return ""
	case '_':
		c.Timeout = silence
		defer func() { c.Timeout = replyTimeout }()
	}
	reply, err := c.Receive()
	if err != nil {
		var a answer
		a.fail(reply, err)
		return a.String()
	}
	if line[1] == '#' {
		p.ids[line[:1]] = strings.Trim(reply, ":\r\n")
		return "an id"
	}
	return mask(fmt.Sprintf("%q", normalise(nameOf(args), args, reply)))
}

// nameOf is a command's name as the lists have it: "client|id" where the first word has subcommands.
func nameOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	name := strings.ToLower(args[0])
	switch name {
	case "client", "config", "command", "acl", "object", "xgroup", "xinfo", "pubsub", "script", "function", "memory", "debug", "cluster":
		if len(args) > 1 {
			return name + "|" + strings.ToLower(args[1])
		}
	}
	return name
}

func (p *player) words(t *testing.T, s string) (args []string) {
	t.Helper()
	for word := range strings.FieldsSeq(s) {
		for who, id := range p.ids {
			word = strings.ReplaceAll(word, "{"+who+"}", id)
		}
		if strings.HasPrefix(word, `"`) {
			text, err := strconv.Unquote(word)
			if err != nil {
				t.Fatalf("argument %s: %v", word, err)
			}
			word = text
		}
		args = append(args, word)
	}
	return args
}

// masks hide what differs by nature within a text.
var masks = []*regexp.Regexp{
	regexp.MustCompile(`\$2\\r\\nid\\r\\n:[0-9]+`), // HELLO's id within EXEC
}

func mask(s string) string {
	for _, m := range masks {
		s = m.ReplaceAllString(s, "…")
	}
	return s
}

// compareScript plays a script to both addresses and reports the first step that differs.
func compareScript(t *testing.T, s script, direct, proxied string) {
	t.Helper()
	want, got := transcript(t, direct, s), transcript(t, proxied, s)
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			t.Errorf("%s, step %d:\n direct  %.400s\n proxied %.400s", s.name, i+1, want[i], append(got, "(nothing)")[min(i, len(got))])
			return
		}
	}
}
