package bench

import (
	"math/rand/v2"
	"strings"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

const (
	// keyDigits is how many digits of a key are chosen anew for each operation.
	keyDigits = 6
	// keyCount keys are there where values are small: enough not to be one cache line, few enough to fill in no time.
	keyCount = 10_000
	keyMark  = "######" // stands for the digits in a command's text
)

// template is bytes to send with places for a key's digits.
type template struct {
	text   []byte
	digits []int // where they stand
	// spread gives each place another key; otherwise all have the same.
	spread bool
}

// compile makes a template of commands, in which keyMark stands for a key's number.
func compile(commands ...[]string) template {
	var text []byte
	for _, c := range commands {
		text = resp.AppendCommandStrings(text, c...)
	}
	return compileFrame(text)
}

// compileFrame is compile for commands that are encoded already.
func compileFrame(text []byte) template {
	t := template{text: text}
	for at := 0; ; at += keyDigits {
		i := strings.Index(string(t.text[at:]), keyMark)
		if i < 0 {
			return t
		}
		at += i
		t.digits = append(t.digits, at)
	}
}

// append appends the bytes for key number k.
func (t *template) append(dst []byte, k int) []byte {
	base := len(dst)
	dst = append(dst, t.text...)
	for i, at := range t.digits {
		n := k
		if t.spread {
			n = (k + i) % keyCount
		}
		for j := keyDigits - 1; j >= 0; j-- {
			dst[base+at+j] = '0' + byte(n%10)
			n /= 10
		}
	}
	return dst
}

// step is what is sent at once, and how many replies it has.
type step struct {
	template
	replies int
}

// flow is an operation of a closed loop: its steps one after the other, each sent when all replies to the one before have come.
type flow struct {
	steps    []step
	pipeline int // operations at once; more than 1 only with a single step
	keys     int // how many keys there are; at most keyCount
	// optimistic: the last reply of the last step is EXEC's, and a null means that the operation has to be done again.
	optimistic bool
	// every n-th operation is this one instead; nil: none
	other *flow
	every int
}

// command is a flow of one command with one reply.
func command(pipeline int, args ...string) *flow {
	return &flow{steps: []step{{compile(args), 1}}, pipeline: pipeline, keys: keyCount}
}

// pick gives the next operation's flow and key.
func (f *flow) pick(rng *rand.Rand) (*flow, int) {
	k := rng.IntN(f.keys)
	if f.other != nil && rng.IntN(f.every) == 0 {
		return f.other, k
	}
	return f, k
}
