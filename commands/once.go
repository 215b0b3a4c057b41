package commands

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/scripts"
)

// ONCE runs a write command at most once per token. Each command that it takes has a static text of its own, made from
// scripts/once.lua when the catalogue is built.

const (
	onceTag      = ":atomicproxy:once:" // in the name of each token's key
	onceMaxArgs  = 4000                 // of the command: a script can't hand over more than 8,000
	onceMaxToken = 512                  // bytes
)

// once is what the registry knows for ONCE.
type once struct {
	registry *Registry
	natives  map[string]*onceNative
	texts    map[string]*script // by command name; a custom command's is "custom NAME"
	bySHA    map[string]bool
	errs     *errorTexts

	badToken, tooMany, brace, notTaken *Error
}

// loadOnce makes the texts, once all commands are there.
func (l *loader) loadOnce(r *Registry) error {
	c := r.byName["once"]
	if c == nil {
		return nil
	}
	o := &once{registry: r, natives: onceNatives(), texts: map[string]*script{}, bySHA: map[string]bool{}, errs: l.errs}
	o.badToken = l.errs.add("ERR a token has 1 to 512 bytes")
	o.tooMany = l.errs.add("LIMIT ONCE takes commands of at most 4000 arguments; nothing was executed")
	o.brace = l.errs.add("ERR ONCE can't put its token beside a key with such braces: it would be in another slot")
	o.notTaken = l.errs.add("ERR ONCE does not take this command")
	for name, n := range o.natives {
		text, err := n.text(strings.Fields(name)[0])
		if err != nil {
			return err
		}
		if err := l.onceText(o, name, text, n.shape, n.frees); err != nil {
			return err
		}
	}
	for name, custom := range r.byName {
		if !custom.onceable() {
			continue
		}
		part, err := fs.ReadFile(scripts.FS, "part/once-custom.lua")
		if err != nil {
			return err
		}
		text := strings.Replace(string(part), "--[[script]]", custom.script.v[0].body, 1)
		frees := !slices.Contains(custom.spec.CommandFlags, "DENYOOM")
		if err := l.onceText(o, "custom "+name, text, "plain", frees); err != nil {
			return err
		}
	}
	c.once = o
	r.once = o
	return nil
}

// onceable reports whether a custom command can stand behind ONCE: it writes, and has a first key.
func (c *Custom) onceable() bool {
	return c.once == nil && !c.spec.Wraps && !c.script.readOnly && !c.spec.Keyspace && len(c.keys) > 0
}

// text is what runs the command.
func (n *onceNative) text(name string) (string, error) {
	guard, err := fs.ReadFile(scripts.FS, "part/once-guard-"+n.guard+".lua")
	if err != nil {
		return "", err
	}
	call, err := fs.ReadFile(scripts.FS, "part/once-call.lua")
	if err != nil {
		return "", err
	}
	blanks := append([]string{"--[[COMMAND]]", strings.ToUpper(name), "--[[command]]", name}, n.blanks...)
	return strings.NewReplacer(blanks...).Replace(string(guard) + string(call)), nil
}

func (l *loader) onceText(o *once, name, effect, shape string, frees bool) error {
	b, err := fs.ReadFile(l.fsys, "once.lua")
	if err != nil {
		return err
	}
	body, _, err := scripts.Expand(string(b))
	if err != nil {
		return fmt.Errorf("once.lua: %w", err)
	}
	part, err := fs.ReadFile(scripts.FS, "part/once-shape-"+shape+".lua")
	if err != nil {
		return err
	}
	flags := []string{"WRITE", "DENYOOM"}
	if frees {
		flags = flags[:1]
	}
	s, err := newScript("once "+name, flags, func(int) string {
		return strings.Replace(body, "--[[effect]]", string(part)+effect, 1)
	})
	if err != nil {
		return err
	}
	o.texts[name] = s
	for _, v := range s.v {
		o.bySHA[v.sha] = true
	}
	l.scripts[s.name] = s
	return nil
}

// rewrite is Rewrite for ONCE.
func (o *once) rewrite(c *Custom, dst []byte, args [][]byte, up *Upstream, proto int) ([]byte, Call, *Error) {
	if len(args) < -c.arity {
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
	w := frame{dst: dst}
	w.call(s, up, len(keys)+1+3+len(argv))
	w.number(int64(len(keys) + 1))
	for _, k := range keys {
		w.bulk(k)
	}
	w.bulk(append(beside, token...))
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
		s := o.texts["custom "+name]
		if s == nil {
			return nil, nil, nil, o.refusal(name, custom.script == nil || custom.script.readOnly)
		}
		keys, argv, err = custom.keysAndArgv(inner)
		return s, keys, argv, err
	}
	return o.takeNative(name, inner)
}

func (o *once) takeNative(name string, inner [][]byte) (s *script, keys, argv [][]byte, err *Error) {
	n := o.natives[name]
	if n == nil || name == onceSetGet {
		return nil, nil, nil, o.refusal(name, false)
	}
	if n.arity > 0 && len(inner) != n.arity || len(inner) < -n.arity {
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
	kinds := make([]byte, 0, len(inner)-1)
	argv = append(make([][]byte, 0, len(inner)), nil)
	for i := 1; i < len(inner); i++ {
		if isKey(i) {
			kinds = append(kinds, 'k')
			keys, argv = append(keys, inner[i]), append(argv, nil)
		} else {
			kinds = append(kinds, 'v')
			argv = append(argv, inner[i])
		}
	}
	argv[0] = kinds
	return o.texts[text], keys, argv, nil
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
