package commands

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzRewrite: whatever the arguments are, there is either an error in one line or one canonical frame, with as many
// arguments as its script reads and with the client's bytes in the places where they belong.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"PURGE|a*", "purge|prefix|a*|LIMIT|5", "PURGE|a|IDLETIME|1|TYPE|set|DRYRUN", "PURGE|a|IFEQ|\r\n+OK", "PURGE|PREFIX",
		"PURGE|*", "PURGE|a|SWEEP", "PURGE|a|LIMIT|99999999999999999999", "PURGE|[^\\|x", "X|2|a|1|b|2|EX|3", "X|1|a|1|NX", "X|-1|a", "X|9223372036854775807|a|b"} {
		f.Add([]byte(s))
	}
	purge := loadCatalogue(f, testSettings)
	made, err := Load(fstest.MapFS{
		"fail.lua":   {Data: []byte("return {--[[texts]]}")},
		"marker.lua": {Data: []byte("return '--[[catalogue]]'")},
		"x.lua":      {Data: []byte("return 1")},
		"x.json": {Data: []byte(testJSON("X", `{"name":"n","type":"integer"},
			{"name":"d","type":"block","multiple":true,"counted_by":"n","arguments":[{"name":"k","type":"key"},{"name":"v","type":"string"}]},
			{"name":"c","type":"pure-token","token":"NX","optional":true},
			{"name":"e","type":"oneof","optional":true,"arguments":[{"name":"s","type":"integer","token":"EX"},{"name":"keep","type":"pure-token","token":"KEEPTTL"}]}`, ""))},
	}, testSettings)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		args := bytes.Split(in, []byte("|"))
		for _, r := range []*Registry{purge, made} {
			for _, c := range r.Commands() {
				checkRewrite(t, c, args)
			}
		}
	})
}

func checkRewrite(t *testing.T, c *Custom, args [][]byte) {
	t.Helper()
	const head = "before"
	out, call, err := c.Rewrite([]byte(head), args, everything)
	if !bytes.HasPrefix(out, []byte(head)) {
		t.Fatalf("%q: dst became %q", args, out)
	}
	if err != nil {
		if len(out) != len(head) || err.Text == "" || strings.ContainsAny(err.Text, "\r\n\x00") {
			t.Fatalf("%q: %q with error %q", args, out, err.Text)
		}
		return
	}
	if call.Steps != nil {
		if len(out) != len(head) || call.Steps.Limit < 1 || call.Steps.Limit > MaxStepKeys {
			t.Fatalf("%q: %q and %+v", args, out, call.Steps)
		}
		out = call.Steps.AppendScan(out, []byte("0"), 10)
		if frame := parseFrame(t, out[len(head):]); frame[0] != "SCAN" || frame[2] != "MATCH" {
			t.Fatalf("%q: %q", args, frame)
		}
		return
	}
	if call.Pass {
		if len(out) != len(head) || !c.Extends() {
			t.Fatalf("%q passes, and is %q", args, out)
		}
		return
	}
	frame := parseFrame(t, out[len(head):])
	if call.SHA == "" { // translated
		if len(c.translations) == 0 || strings.HasPrefix(frame[0], "EVAL") {
			t.Fatalf("%q: %q calls no script", args, frame)
		}
		return
	}
	if len(frame) < 3 || frame[1] != call.SHA || len(call.SHA) != 40 {
		t.Fatalf("%q: %q", args, frame)
	}
	if c.name == "purge" {
		if len(frame) != 3+13 || frame[2] != "0" {
			t.Fatalf("%q: %d arguments", args, len(frame))
		}
		prefixed := strings.EqualFold(string(args[1]), "prefix")
		if pattern := frame[4]; prefixed == (pattern == string(args[1])) || prefixed && unescape(pattern) != string(args[2])+"*" {
			t.Fatalf("%q: pattern %q", args, pattern)
		}
	}
}

// unescape undoes appendPrefixPattern and marks a special character that was not escaped, but for the last star.
func unescape(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			b.WriteByte(p[i])
		case globSpecial(p[i]) && i != len(p)-1:
			b.WriteString("unescaped ")
		default:
			b.WriteByte(p[i])
		}
	}
	return b.String()
}
