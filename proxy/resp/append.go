package resp

import (
	"bytes"
	"strconv"
)

// AppendArgs appends all arguments of frame, a multibulk command that Next ended, as
// subslices of it. It appends nothing if frame is not exactly one such command.
func AppendArgs(dst [][]byte, frame []byte) [][]byte {
	n, p, ok := headerAt(frame, 0, '*')
	out := dst
	for ; ok && n > 0; n-- {
		var arg []byte
		if arg, p, ok = argAt(frame, p); ok {
			out = append(out, arg)
		}
	}
	if !ok || p != len(frame) {
		return dst
	}
	return out
}

// AppendCanonical appends frame, a multibulk command that Next ended, with every CRLF
// put right. It appends nothing if frame is not exactly one such command.
func AppendCanonical(dst, frame []byte) []byte {
	n, p, ok := headerAt(frame, 0, '*')
	if !ok {
		return dst
	}
	out := appendHeader(dst, '*', int(n))
	for ; ok && n > 0; n-- {
		var arg []byte
		if arg, p, ok = argAt(frame, p); ok {
			out = appendBulk(out, arg)
		}
	}
	if !ok || p != len(frame) {
		return dst
	}
	return out
}

// AppendCommand appends a command of args.
func AppendCommand(dst []byte, args ...[]byte) []byte {
	dst = appendHeader(dst, '*', len(args))
	for _, a := range args {
		dst = appendBulk(dst, a)
	}
	return dst
}

// AppendCommandStrings appends a command of args.
func AppendCommandStrings(dst []byte, args ...string) []byte {
	dst = appendHeader(dst, '*', len(args))
	for _, a := range args {
		dst = appendBulk(dst, a)
	}
	return dst
}

func appendHeader(dst []byte, kind byte, n int) []byte {
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

func appendBulk[T []byte | string](dst []byte, a T) []byte {
	dst = appendHeader(dst, '$', len(a))
	dst = append(dst, a...)
	return append(dst, '\r', '\n')
}

// headerAt reads the line at b[p:] that must begin with kind, and returns its number, which is
// not negative and at most len(b), and where the next line begins.
func headerAt(b []byte, p int, kind byte) (n int64, next int, ok bool) {
	if p >= len(b) || b[p] != kind {
		return 0, p, false
	}
	p++
	i := bytes.IndexByte(b[p:min(len(b), p+maxDigits)], '\r')
	if i < 0 || p+i+2 > len(b) {
		return 0, p, false
	}
	n, ok = parseInt(b[p : p+i])
	return n, p + i + 2, ok && n >= 0 && n <= int64(len(b))
}

// argAt reads the argument at b[p:] and returns where the next begins.
func argAt(b []byte, p int) (arg []byte, next int, ok bool) {
	n, p, ok := headerAt(b, p, '$')
	if !ok || len(b)-p-2 < int(n) {
		return nil, p, false
	}
	hi := p + int(n)
	return b[p:hi:hi], hi + 2, true
}
