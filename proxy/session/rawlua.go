package session

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// A client's own Lua reaches this file only where policy lets some of it pass:
// all, perhaps to be recorded, or the scripts that the registry lists.

// lua is how a command has to do with a script of the client's own.
type lua uint8

const (
	luaNone     lua = iota
	luaText         // EVAL: the script itself
	luaName         // EVALSHA: its SHA1
	luaLoad         // SCRIPT LOAD
	luaFunction     // FUNCTION LOAD: a library, which no list has
)

var luaCalls = map[string]lua{"eval": luaText, "eval_ro": luaText, "evalsha": luaName, "evalsha_ro": luaName,
	"script|load": luaLoad, "function|load": luaFunction}

const (
	// libraries send EVAL when they hear this.
	noScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n"
	// what stands for the SHA1 in the text below, as long as one
	shaBlank  = "0000000000000000000000000000000000000000"
	notVetted = "-DENIED script " + shaBlank + " is not on the list of vetted scripts: to allow it, review it and put its text into scripts.application_dir of the proxy (see docs/operators.md); nothing was executed\r\n"
)

// rawLua sends a command that brings or calls a script of the client's own.
func (s *Session) rawLua(v *verb, c *command) bool {
	if s.env.RawLua {
		s.learn(v.lua, c)
		return s.forward(v, c)
	}
	if c.argc < 3 || v.lua == luaLoad && c.argc != 3 {
		return s.forward(v, c) // the upstream's error for the number of arguments
	}
	s.env.args = c.args(s.env.args[:0])
	args := s.env.args
	sha := args[1]
	var sum [sha1.Size * 2]byte
	if v.lua != luaName {
		sha = hexSum(&sum, args[len(args)-1])
		if v.lua == luaText {
			sha = hexSum(&sum, args[1])
		}
	}
	name, ok := s.env.Table.Registry.Application(sha, &s.env.Table.Upstream)
	switch {
	case ok && v.lua == luaLoad:
		ok = s.forward(v, c) // it is there already: the upstream says who may ask
	case ok:
		ok = s.callListed(v, args, name)
	default:
		s.env.Counts.Refused++
		ok = s.refuseScript(v.lua, sha)
	}
	clear(s.env.args)
	if cap(s.env.args) > keepArgs {
		s.env.args = nil
	}
	return ok
}

// hexSum is the name that a server gives to a script.
func hexSum(dst *[sha1.Size * 2]byte, text []byte) []byte {
	sum := sha1.Sum(text)
	hex.Encode(dst[:], sum[:])
	return dst[:]
}

// callListed calls a script of the list by its name, whatever the client called
// it by, on a link of the session's own. A NOSCRIPT is ours to heal, as for the
// catalogue's scripts: they are loaded together.
func (s *Session) callListed(v *verb, args [][]byte, name string) bool {
	if !s.pin(upstream.Exact) || !s.room() {
		return false
	}
	call := []byte("EVALSHA")
	if n := len(args[0]); bytes.EqualFold(args[0][n-3:], []byte("_ro")) {
		call = []byte("EVALSHA_RO")
	}
	args[0], args[1] = call, []byte(name)
	out := resp.AppendCommand(s.env.call[:0], args...)
	if cap(out) <= keepScratch {
		s.env.call = out[:0]
	}
	if v.write {
		s.wroteOn()
	}
	if s.raw {
		s.rawCustom = true
	}
	return s.send(out, upstream.Inspect, tagCustom)
}

// refuseScript answers a call of a script that is not on the list. A library that
// tries the name first has to learn that it must send the text, so that somebody
// reads what to do about it. In a transaction it can't, and is told at once.
func (s *Session) refuseScript(l lua, sha []byte) bool {
	if l == luaName && !s.raw && !s.mayBeInMulti() {
		s.say(noScript)
		return true
	}
	text := notVetted
	if l == luaName {
		text = noScript + notVetted // which of the two is known when the turn has come: see oneOfTwo
	}
	if len(sha) != len(shaBlank) || !isHex(sha) { // nothing of a client's gets into a text unseen
		return s.refuse(text)
	}
	return s.refuseNaming(text, string(bytes.ToLower(sha)))
}

// refuseNaming is refuse for a text with a SHA1 in it: such texts are not numbered,
// since there are as many as clients like.
func (s *Session) refuseNaming(text, sha string) bool {
	if !s.raw && !s.mayBeInMulti() {
		s.say(strings.Replace(text, shaBlank, sha, 1))
		return true
	}
	return s.poisoned(poisonNaming(text, sha))
}

// oneOfTwo is the refusal that a text stands for which refuseScript left open.
func (s *Session) oneOfTwo(text string) string {
	refusal, two := strings.CutPrefix(text, noScript)
	if two && !s.state.multi && !s.raw {
		return noScript
	}
	return refusal
}

func isHex(b []byte) bool {
	_, err := hex.DecodeString(string(b))
	return err == nil
}

// Learned is a script that a client brought.
type Learned struct {
	SHA1    string
	Text    []byte // valid only during the call
	Command string
	Keys    int // of this call; -1: it was not a call
	User    string
}

// learned remembers which scripts of this loop were taken, so that each costs
// only its SHA1 from then on. It is bounded: past that scripts are offered again.
type learned map[[sha1.Size]byte]struct{}

const maxLearned = 20_000

// learn offers a script to be recorded. It neither waits nor fails: the command
// goes on in any case.
func (s *Session) learn(l lua, c *command) {
	if s.env.Learn == nil || l == luaName || c.argc < 2 {
		return
	}
	args := resp.AppendArgs(nil, c.frame)
	text := args[1]
	found := Learned{Keys: -1, User: "default", Command: map[lua]string{luaText: "EVAL", luaLoad: "SCRIPT LOAD", luaFunction: "FUNCTION LOAD"}[l]}
	switch {
	case l != luaText:
		text = args[len(args)-1]
	case len(args) > 2:
		if n, err := strconv.Atoi(string(args[2])); err == nil && n >= 0 && n <= len(args)-3 {
			found.Keys = n
		}
	}
	sum := sha1.Sum(text)
	if _, ok := s.env.learned[sum]; ok {
		return
	}
	if s.state.authed && s.state.user != "" {
		found.User = s.state.user
	}
	found.SHA1, found.Text = hex.EncodeToString(sum[:]), text
	if !s.env.Learn(s.client, found) {
		return
	}
	if s.env.learned == nil || len(s.env.learned) >= maxLearned {
		s.env.learned = learned{}
	}
	s.env.learned[sum] = struct{}{}
}
