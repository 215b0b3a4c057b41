package session

import (
	"bytes"
	"strconv"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

// parts splits an aggregate into its elements: of a map, keys and values in turn.
// The elements are subslices. ok is false if it is none.
func parts(reply []byte) (kind byte, elems [][]byte, ok bool) {
	line, rest, found := bytes.Cut(reply, []byte("\r\n"))
	if !found || len(line) < 2 || bytes.IndexByte([]byte("*~%"), line[0]) < 0 {
		return 0, nil, false
	}
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n < 0 {
		return 0, nil, false
	}
	if line[0] == '%' {
		n *= 2
	}
	var scan resp.Replies
	for len(rest) > 0 {
		size, done, err := scan.Next(rest)
		if err != nil || !done {
			return 0, nil, false
		}
		elems = append(elems, rest[:size:size])
		rest = rest[size:]
	}
	return line[0], elems, len(elems) == n
}

// joined is the reverse of parts.
func joined(kind byte, elems [][]byte) []byte {
	n, size := len(elems), 16
	if kind == '%' {
		n /= 2
	}
	for _, e := range elems {
		size += len(e)
	}
	out := append(strconv.AppendInt(append(make([]byte, 0, size), kind), int64(n), 10), "\r\n"...)
	for _, e := range elems {
		out = append(out, e...)
	}
	return out
}

// word is the text of a bulk string or a status; nil if it is neither.
func word(elem []byte) []byte {
	line, rest, found := bytes.Cut(elem, []byte("\r\n"))
	switch {
	case !found || len(line) < 2:
		return nil
	case line[0] == '+':
		return line[1:]
	case line[0] == '$' && len(rest) >= 2:
		return rest[:len(rest)-2]
	}
	return nil
}

// appendBulk appends a bulk string.
func appendBulk(dst, text []byte) []byte {
	dst = append(strconv.AppendInt(append(dst, '$'), int64(len(text)), 10), "\r\n"...)
	return append(append(dst, text...), "\r\n"...)
}
