package commands

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ONCE runs a write command at most once per token. Each command that it takes has a static text of its own: see loadOnce.

const (
	onceTag      = ":atomicproxy:once:" // in the name of each token's key
	onceMaxArgs  = 4000                 // of the command, its name among them: a script can't hand over more than 8,000
	onceMaxToken = 512                  // bytes
	onceOptions  = 2100                 // behind counted keys: more than WEIGHTS for all of so many keys as leave room for it
)

// once is what the registry knows for ONCE.
type once struct {
	registry *Registry
	natives  map[string]*onceNative
	texts    map[string]*onceText // by command name; a custom command's is "custom NAME"
	bySHA    map[string]bool
	errs     *errorTexts

	badToken, tooMany, brace, tokenKey, notTaken *Error
}

// rewrite is Rewrite for ONCE.
func (o *once) rewrite(c *Custom, dst []byte, args [][]byte, up *Upstream, proto int) ([]byte, Call, *Error) {
	if !arityAllows(c.arity, len(args)) {
		return dst, Call{}, c.arityErr
	}
	token, inner := args[1], args[4:]
	switch {
	case !tokenIs(args[2], "PX"):
		return dst, Call{}, o.errs.syntax
	case len(token) == 0 || len(token) > onceMaxToken:
		return dst, Call{}, o.badToken
	}
	if err := c.grammar.checkExpiry("PX", args[3]); err != nil {
		return dst, Call{}, err
	}
	if len(inner) > onceMaxArgs {
		return dst, Call{}, o.tooMany
	}
	s, keys, argv, err := o.take(inner, up, proto)
	if err != nil {
		return dst, Call{}, err
	}
	if up == nil || !up.Scripts {
		return dst, Call{}, notAvailable(up)
	}
	beside, tagged := onceKey(keys[0])
	if !tagged {
		return dst, Call{}, o.brace
	}
	beside = append(beside, token...)
	if slices.ContainsFunc(keys[1:], func(k []byte) bool { return bytes.Equal(k, beside) }) {
		return dst, Call{}, o.tokenKey
	}
	w := frame{dst: dst}
	w.call(s, up, len(keys)+1+3+len(argv))
	w.number(int64(len(keys) + 1))
	for _, k := range keys {
		w.bulk(k)
	}
	w.bulk(beside)
	w.text(fingerprint(inner))
	w.bulk(args[3])
	w.number(int64(max(proto, 2)))
	for _, a := range argv {
		w.bulk(a)
	}
	return w.dst, Call{SHA: s.variant(up).sha}, nil
}

// take finds the text for a command, and its keys and arguments as the text wants them.
func (o *once) take(inner [][]byte, up *Upstream, proto int) (s *script, keys, argv [][]byte, err *Error) {
	name := strings.ToLower(string(inner[0]))
	if custom := o.registry.Lookup(inner[0]); custom != nil && !(up != nil && custom.Native(up)) {
		if custom.Extends() && !(up != nil && custom.Takes(inner, up)) {
			return o.takeNative(name, inner)
		}
		t := o.texts["custom "+name]
		if t == nil {
			return nil, nil, nil, o.refusal(name, custom.script == nil || custom.script.readOnly)
		}
		keys, argv, err = custom.keysAndArgv(inner)
		return t.script, keys, argv, err
	}
	return o.takeNative(name, inner)
}

func (o *once) takeNative(name string, inner [][]byte) (s *script, keys, argv [][]byte, err *Error) {
	n := o.natives[name]
	if n == nil || name == onceSetGet {
		return nil, nil, nil, o.refusal(name, false)
	}
	if !arityAllows(n.arity, len(inner)) || n.step == 2 && len(inner)%2 == 0 {
		if name == "lpop" || name == "rpop" {
			return nil, nil, nil, o.whyNot(name, "with a count, since a script can't carry the reply")
		}
		return nil, nil, nil, &Error{Text: "ERR wrong number of arguments for '" + name + "' command", Arity: true}
	}
	text := name
	if name == "set" {
		for _, a := range inner[3:] {
			if tokenIs(a, "GET") {
				text = onceSetGet
			}
		}
	}
	isKey, ok := n.isKey(inner)
	if !ok {
		return nil, nil, nil, o.errs.syntax
	}
	for i := 1; i < len(inner); i++ {
		switch {
		case isKey(i):
			keys = append(keys, inner[i])
		case i != n.keynum: // how many keys there are the script sees
			argv = append(argv, inner[i])
		}
	}
	if n.keynum > 0 && len(argv) > onceOptions {
		return nil, nil, nil, o.errs.syntax
	}
	return o.texts[text].script, keys, argv, nil
}

// refusal says why a command is not taken.
func (o *once) refusal(name string, reads bool) *Error {
	why := onceWhyNot[name]
	switch {
	case why != "":
	case reads || readsOnly[name]:
		why = "it writes nothing"
	default:
		why = "it is not on the list of commands whose reply can be given again"
	}
	return o.whyNot(name, why)
}

func (o *once) whyNot(name, why string) *Error {
	return &Error{Text: "ERR ONCE does not take '" + escaped([]byte(name), 64) + "': " + why, Code: o.notTaken.Code}
}

// TokenTime returns the time of the token in a rewritten ONCE, args being the whole EVALSHA; 0 if it is another command.
func (r *Registry) TokenTime(args [][]byte) time.Duration {
	if r.once == nil || len(args) < 3 || !tokenIs(args[0], "EVALSHA") || !r.once.bySHA[string(args[1])] {
		return 0
	}
	keys, ok := parseInt(args[2])
	if !ok || keys < 1 || keys > int64(len(args))-5 {
		return 0
	}
	ms, ok := parseInt(args[3+keys+1])
	if !ok || ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(ms) * time.Millisecond
}

// keysAndArgv parses a call of the command and returns what its script is given.
func (c *Custom) keysAndArgv(args [][]byte) (keys, argv [][]byte, err *Error) {
	var f [maxArgs]found
	if err := c.find(args, &f); err != nil {
		return nil, nil, err
	}
	var k, a frame
	c.putKeys(&k, args, &f)
	c.putArgv(&a, args, &f)
	return bulks(k.dst), bulks(a.dst), nil
}

// bulks splits what a frame has appended.
func bulks(b []byte) (list [][]byte) {
	for len(b) > 0 {
		head, rest, _ := bytes.Cut(b[1:], []byte("\r\n"))
		n, _ := strconv.Atoi(string(head))
		list, b = append(list, rest[:n:n]), rest[n+2:]
	}
	return list
}

// onceKey returns the beginning of the name of the tokens beside a key, in the same slot. False: there is none, since a
// brace in the key would make it another slot.
func onceKey(key []byte) ([]byte, bool) {
	name := append(append(make([]byte, 0, 2*len(key)+len(onceTag)+onceMaxToken+3), key...), onceTag...)
	open := bytes.IndexByte(key, '{')
	if open >= 0 {
		size := bytes.IndexByte(key[open+1:], '}')
		return name, size > 0
	}
	if bytes.IndexByte(key, '}') >= 0 {
		return nil, false
	}
	if len(key) == 0 { // {} is no tag
		return nil, false
	}
	return append(append(append(name, '{'), key...), '}', ':'), true
}

// fingerprint tells one call from another: the name in lower case and all arguments, each with its length.
func fingerprint(args [][]byte) string {
	h := sha256.New()
	var size [24]byte
	for i, a := range args {
		if i == 0 {
			a = bytes.ToLower(a)
		}
		h.Write(append(strconv.AppendInt(size[:0], int64(len(a)), 10), ':'))
		h.Write(a)
	}
	return hex.EncodeToString(h.Sum(nil))
}
