package difftest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// A script is a conversation of several clients, one step a line. The first letter is the client: a small one comes
// by way of the proxy, a capital one straight to the server. The second says what it does:
//
//	a: GET k               sends a command and takes one reply
//	a! BLPOP q 5           sends a command and goes on
//	a< GET k               takes one more reply: that to GET k, which decides how it is compared
//	a# CLIENT ID           as a:, and the number in the reply is {a} in later steps
//	a~ EXEC                as a:, and only the reply's types and sizes are compared
//	a= PURGE x* => :0|     as a:, and the reply must be this, line ends written as "|"; "…" at the end: begin so
//	a? TEXT                takes replies until one holds TEXT
//	a.                     its connection must be at its end
//	a_                     it must get nothing for a moment
//	? INFO clients => TEXT  the server itself is asked until its answer holds TEXT: a barrier
//
// Arguments are quoted as in Go where they begin with a quote. Lines that begin with ; are remarks.
type script struct {
	row, title string
	steps      []step
	options    map[string]string // see readRows
}

func (s *script) String() string { return s.row + "/" + s.title }

// step is one line of a script.
type step struct {
	line string
	who  byte
	op   byte
	rest string // what stands behind
}

// form is the way in which the steps of one client that stand together are sent.
type form int

const (
	alone     form = iota // each command once the reply before it has come
	pipelined             // all of them in one write
	cut                   // the same, cut at random bytes
)

var forms = map[form]string{alone: "alone", pipelined: "in a pipeline", cut: "in a pipeline, cut"}

const silence = 150 * time.Millisecond

// player plays a script to one side.
type player struct {
	addr, server string // where small and capital clients connect
	observer     *redistest.Client
	protocol     int
	form         form
	rng          *rand.Rand

	clients map[byte]*redistest.Client
	ids     map[string]string
	out     []string
}

// play returns what came at each step that takes something.
func (p *player) play(t *testing.T, s *script) []string {
	t.Helper()
	p.clients, p.ids, p.out = map[byte]*redistest.Client{}, map[string]string{}, nil
	defer func() {
		for _, c := range p.clients {
			c.Close()
		}
	}()
	for i := 0; i < len(s.steps); {
		n := 1
		if p.form != alone {
			n = together(s.steps[i:])
		}
		p.group(t, s, s.steps[i:i+n])
		i += n
	}
	return p.out
}

// together counts the steps at the beginning that one client can take without waiting. An id is needed by
// the next, and what is behind a silence would break it.
func together(steps []step) (n int) {
	for n < len(steps) && steps[n].who == steps[0].who && steps[0].who != '?' {
		n++
		if op := steps[n-1].op; op == '#' || op == '_' {
			break
		}
	}
	return max(n, 1)
}

// group sends the commands of steps, all of one client, and takes what they take.
func (p *player) group(t *testing.T, s *script, steps []step) {
	t.Helper()
	if steps[0].who == '?' {
		p.await(t, s, steps[0])
		return
	}
	c := p.client(t, steps[0].who)
	wire := ""
	for _, st := range steps {
		if strings.IndexByte(":!#~=", st.op) >= 0 {
			command, _, _ := strings.Cut(st.rest, " => ")
			wire += redistest.Command(p.words(t, command)...)
		}
	}
	for i, piece := range p.pieces(wire) {
		if i > 0 {
			time.Sleep(200 * time.Microsecond) // so that the pieces come one by one, mostly
		}
		if c.Send(piece) != nil {
			break // closed on us: what came before it counts
		}
	}
	for _, st := range steps {
		if st.op != '!' {
			p.out = append(p.out, st.line+"  →  "+p.take(t, s, c, st))
		}
	}
}

func (p *player) pieces(wire string) []string {
	if p.form != cut || len(wire) < 2 {
		return []string{wire}
	}
	return cutAtRandom(p.rng, wire)
}

func (p *player) client(t *testing.T, who byte) *redistest.Client {
	t.Helper()
	c := p.clients[who]
	if c == nil {
		addr := p.addr
		if who < 'a' {
			addr = p.server
		}
		c = redistest.Dial(t, addr)
		c.Timeout = replyTimeout
		p.clients[who] = c
		if p.protocol == 3 && who >= 'a' {
			if reply := c.Do("HELLO", "3"); reply[0] != '%' {
				t.Fatalf("HELLO 3: %q", reply)
			}
		}
	}
	return c
}

// take takes what a step takes and returns what is compared of it.
func (p *player) take(t *testing.T, s *script, c *redistest.Client, st step) string {
	t.Helper()
	switch st.op {
	case '_':
		c.Timeout = silence
		defer func() { c.Timeout = replyTimeout }()
	case '?':
		return p.search(c, st.rest)
	}
	reply, err := c.Receive()
	if err != nil {
		var a answer
		a.fail(reply, err)
		return a.String()
	}
	command, want, _ := strings.Cut(st.rest, " => ")
	args := p.words(t, command)
	switch st.op {
	case '#':
		p.ids[st.line[:1]] = strings.Trim(reply, ":\r\n")
		return "an id"
	case '~':
		return parseOne(reply).shape().String()
	case '=':
		if got := strings.ReplaceAll(reply, "\r\n", "|"); !matches(got, want) {
			t.Errorf("%s: %s: got %.400q", s, st.line, got)
		}
		return ""
	}
	return mask(fmt.Sprintf("%q", normalise(nameOf(args), args, reply)))
}

func matches(got, want string) bool {
	if start, ok := strings.CutSuffix(want, "…"); ok {
		return strings.HasPrefix(got, start)
	}
	return got == want
}

func (p *player) search(c *redistest.Client, text string) string {
	for {
		reply, err := c.Receive()
		if err != nil {
			return "it did not come: " + err.Error()
		}
		if strings.Contains(reply, text) {
			return "it came"
		}
	}
}

// await asks the server itself until it answers as the step says.
func (p *player) await(t *testing.T, s *script, st step) {
	t.Helper()
	command, text, _ := strings.Cut(st.rest, " => ")
	args, last := p.words(t, command), ""
	for deadline := time.Now().Add(2 * replyTimeout); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if last = p.observer.Do(args...); strings.Contains(last, text) {
			return
		}
	}
	t.Errorf("%s: %s: it does not come to that; at last %.300q", s, st.line, last)
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
