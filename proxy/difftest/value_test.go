package difftest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// value is a reply taken apart.
type value struct {
	kind  byte    // the first byte: + - : $ * _ , # ( = ! ~ > % |
	text  string  // of a simple value or a string
	null  bool    // $-1, *-1 or _
	elems []value // of an aggregate; keys and values of a map in turn
}

// parseValue takes the first reply of s apart, which redistest.ReadReply has found whole.
func parseValue(s string) (v value, rest string) {
	line, rest, ok := strings.Cut(s, "\r\n")
	if !ok || line == "" {
		return value{kind: '?', text: s}, ""
	}
	v.kind = line[0]
	header := line[1:]
	switch v.kind {
	case '$', '=', '!':
		n, _ := strconv.Atoi(header)
		if n < 0 {
			v.null = true
			return v, rest
		}
		v.text = rest[:n]
		return v, rest[n+2:]
	case '*', '~', '>', '%', '|':
		n, _ := strconv.Atoi(header)
		v.null = n < 0
		if v.kind == '%' || v.kind == '|' {
			n *= 2
		}
		for range n {
			var e value
			e, rest = parseValue(rest)
			v.elems = append(v.elems, e)
		}
		return v, rest
	case '_':
		v.null = true
	}
	v.text = header
	return v, rest
}

func parseOne(s string) value {
	v, _ := parseValue(s)
	return v
}

func (v value) isError() bool { return v.kind == '-' || v.kind == '!' }

// String writes the value in one line, unambiguously.
func (v value) String() string {
	switch {
	case v.null:
		return string(v.kind) + "null"
	case v.kind == '$' || v.kind == '=' || v.kind == '!':
		return string(v.kind) + strconv.Quote(v.text)
	case strings.ContainsRune("*~>%|", rune(v.kind)):
		parts := make([]string, len(v.elems))
		for i, e := range v.elems {
			parts[i] = e.String()
		}
		return string(v.kind) + "[" + strings.Join(parts, " ") + "]"
	}
	return string(v.kind) + v.text
}

// sorted puts the elements in an order that doesn't depend on the server's; with pairs, every two stay together.
func (v value) sorted(pairs bool) value {
	step := 1
	if (pairs || v.kind == '%') && len(v.elems)%2 == 0 {
		step = 2
	}
	type chunk struct {
		text  string
		elems []value
	}
	var chunks []chunk
	for c := range slices.Chunk(v.elems, step) {
		chunks = append(chunks, chunk{fmt.Sprint(c), c})
	}
	slices.SortFunc(chunks, func(a, b chunk) int { return strings.Compare(a.text, b.text) })
	elems := make([]value, 0, len(v.elems))
	for _, c := range chunks {
		elems = append(elems, c.elems...)
	}
	v.elems = elems
	return v
}

// deeplySorted sorts each aggregate at every depth.
func (v value) deeplySorted() value {
	elems := make([]value, len(v.elems))
	for i, e := range v.elems {
		elems[i] = e.deeplySorted()
	}
	v.elems = elems
	return v.sorted(false)
}

// shape keeps types, nulls, errors and the sizes of aggregates, and drops what stands in numbers and strings.
func (v value) shape() value {
	if v.isError() || v.null {
		return v
	}
	if v.elems != nil {
		elems := make([]value, len(v.elems))
		for i, e := range v.elems {
			elems[i] = e.shape()
		}
		v.elems = elems
	}
	v.text = "…"
	if v.kind == ':' || v.kind == ',' {
		v.text = "n"
	}
	return v
}

// get is the value of key in a map, or in RESP2's array of pairs.
func (v value) get(key string) value {
	for i := 0; i+1 < len(v.elems); i += 2 {
		if v.elems[i].text == key {
			return v.elems[i+1]
		}
	}
	return value{kind: '_', null: true}
}

func TestParseValue(t *testing.T) {
	for in, want := range map[string]string{
		"+OK\r\n":                           "+OK",
		"$-1\r\n":                           "$null",
		"*2\r\n$3\r\na\r\n\r\n*1\r\n:1\r\n": `*[$"a\r\n" *[:1]]`,
		"%1\r\n+k\r\n~1\r\n_\r\n":           "%[+k ~[_null]]",
		"|1\r\n+ttl\r\n:1\r\n":              "|[+ttl :1]",
		"-ERR no\r\n":                       "-ERR no",
		"*0\r\n":                            "*[]",
		">2\r\n+message\r\n=5\r\ntxt:a\r\n+NEXT\r": `>[+message ="txt:a"]`,
	} {
		if got := parseOne(in).String(); got != want {
			t.Errorf("%q = %s, want %s", in, got, want)
		}
	}
	v := parseOne("*4\r\n+b\r\n:1\r\n+a\r\n:2\r\n")
	if got := v.sorted(true).String(); got != "*[+a :2 +b :1]" {
		t.Errorf("sorted pairs: %s", got)
	}
	if got := v.shape().String(); got != "*[+… :n +… :n]" {
		t.Errorf("shape: %s", got)
	}
}
