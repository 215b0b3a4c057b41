package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// reply is one RESP value, kept as it came.
type reply struct {
	kind byte    // the type byte; '_' for every null
	text string  // of all but aggregates
	elem []reply // of aggregates; of maps, keys and values in turn
}

// maxReplyDepth bounds the nesting: replies come from a server that need not be
// friendly, and parsing recurses.
const maxReplyDepth = 128

var errReply = errors.New("the reply is not well-formed RESP")

// parseReply reads the value at the start of b and gives what follows it.
func parseReply(b []byte, depth int) (reply, []byte, error) {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || len(line) == 0 || depth > maxReplyDepth {
		return reply{}, nil, errReply
	}
	r := reply{kind: line[0], text: string(line[1:])}
	switch r.kind {
	case '+', '-', ':', ',', '(', '#':
		return r, rest, nil
	case '_':
		return reply{kind: '_'}, rest, nil
	case '$', '!', '=':
		return r.bulk(rest)
	case '*', '~', '>', '%', '|':
		return r.aggregate(rest, depth)
	}
	return reply{}, nil, errReply
}

func (r reply) bulk(rest []byte) (reply, []byte, error) {
	n, err := strconv.Atoi(r.text)
	switch {
	case r.text == "-1":
		return reply{kind: '_'}, rest, nil
	case err != nil || n < 0 || n > len(rest)-2 || string(rest[n:n+2]) != "\r\n":
		return reply{}, nil, errReply
	}
	r.text = string(rest[:n])
	if r.kind == '=' { // "txt:" or "mkd:" before the text
		if len(r.text) < 4 {
			return reply{}, nil, errReply
		}
		r.text = r.text[4:]
	}
	if r.kind == '!' {
		r.kind = '-'
	}
	return r, rest[n+2:], nil
}

func (r reply) aggregate(rest []byte, depth int) (reply, []byte, error) {
	if r.text == "-1" {
		return reply{kind: '_'}, rest, nil
	}
	n, err := strconv.Atoi(r.text)
	// An element has three bytes at least: the count is checked, not believed.
	if err != nil || n < 0 || n > len(rest)/3 {
		return reply{}, nil, errReply
	}
	if r.kind == '%' || r.kind == '|' {
		n *= 2
	}
	for range n {
		var e reply
		if e, rest, err = parseReply(rest, depth+1); err != nil {
			return reply{}, nil, err
		}
		r.elem = append(r.elem, e)
	}
	if r.kind == '|' { // attributes are about the value after them, which alone is shown
		return parseReply(rest, depth+1)
	}
	return r, rest, nil
}

// terminal formats r as redis-cli does for a person.
func (r reply) terminal(prefix string) string {
	switch r.kind {
	case '-':
		return "(error) " + r.text + "\n"
	case '+', '=':
		return r.text + "\n"
	case ':':
		return "(integer) " + r.text + "\n"
	case ',':
		return "(double) " + r.text + "\n"
	case '(':
		return "(big number) " + r.text + "\n"
	case '#':
		return r.boolean() + "\n"
	case '_':
		return "(nil)\n"
	case '$':
		return quote(r.text) + "\n"
	}
	if len(r.elem) == 0 {
		return "(empty " + map[byte]string{'*': "array", '%': "hash", '~': "set", '>': "push"}[r.kind] + ")\n"
	}
	return r.list(prefix)
}

// list numbers the elements of an aggregate. The numbers are as wide as the
// highest; what spans several lines is indented by the number's width.
func (r reply) list(prefix string) string {
	step, mark := 1, ")"
	switch r.kind {
	case '%':
		step, mark = 2, "#"
	case '~':
		mark = "~"
	}
	width := len(strconv.Itoa(len(r.elem) / step))
	inner := prefix + strings.Repeat(" ", width+2)
	var b strings.Builder
	for i := 0; i < len(r.elem); i += step {
		if i > 0 { // the caller has written the first line's prefix
			b.WriteString(prefix)
		}
		fmt.Fprintf(&b, "%*d%s ", width, i/step+1, mark)
		first := r.elem[i].terminal(inner)
		if step == 1 {
			b.WriteString(first)
			continue
		}
		b.WriteString(strings.TrimSuffix(first, "\n") + " => ")
		if v := r.elem[i+1]; strings.IndexByte("*%~>", v.kind) >= 0 && len(v.elem) > 0 {
			b.WriteString("\n" + inner)
		}
		b.WriteString(r.elem[i+1].terminal(inner))
	}
	return b.String()
}

// raw formats r as redis-cli does for a program.
func (r reply) raw() string {
	switch r.kind {
	case '-':
		return r.text + "\n"
	case '_':
		return ""
	case '#':
		return r.boolean()
	case '*', '~', '>', '%':
		var b strings.Builder
		for i, e := range r.elem {
			if i > 0 {
				if r.kind == '%' && i%2 == 1 {
					b.WriteByte(' ')
				} else {
					b.WriteByte('\n')
				}
			}
			b.WriteString(e.raw())
		}
		return b.String()
	}
	return r.text
}

func (r reply) boolean() string {
	if r.text == "t" {
		return "(true)"
	}
	return "(false)"
}

// quote writes s in redis-cli's way, which escapes bytes and knows no Unicode: a
// terminal never receives a byte that the server chose to control it with.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\', '"':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\a':
			b.WriteString(`\a`)
		case '\b':
			b.WriteString(`\b`)
		default:
			if c < ' ' || c > '~' {
				fmt.Fprintf(&b, `\x%02x`, c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
