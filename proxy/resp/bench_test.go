package resp

import (
	"bytes"
	"strings"
	"testing"
)

func benchRequests(b *testing.B, cmd []byte) {
	buf := bytes.Repeat(cmd, 16)
	lim := DefaultLimits()
	var s Requests
	b.SetBytes(int64(len(cmd)))
	b.ReportAllocs()
	p := 0
	for b.Loop() {
		n, err := s.Next(buf[p:], &lim)
		if n != len(cmd) || err != nil {
			b.Fatal(n, err)
		}
		if p += n; p == len(buf) {
			p = 0
		}
	}
}

func BenchmarkRequestsGet(b *testing.B) {
	benchRequests(b, AppendCommandStrings(nil, "GET", "key:000000000012"))
}

func BenchmarkRequestsSet(b *testing.B) {
	benchRequests(b, AppendCommandStrings(nil, "SET", "key:000000000012", strings.Repeat("x", 64)))
}

func BenchmarkRequestsSet16K(b *testing.B) {
	benchRequests(b, AppendCommandStrings(nil, "SET", "key:000000000012", strings.Repeat("x", 16<<10)))
}

func BenchmarkRequestsMset1000(b *testing.B) {
	args := []string{"MSET"}
	for range 2000 {
		args = append(args, "value:12345")
	}
	benchRequests(b, AppendCommandStrings(nil, args...))
}

func BenchmarkRequestsInline(b *testing.B) { benchRequests(b, []byte("PING\r\n")) }

func benchReplies(b *testing.B, reply string) {
	buf := []byte(strings.Repeat(reply, 16))
	var s Replies
	b.SetBytes(int64(len(reply)))
	b.ReportAllocs()
	p := 0
	for b.Loop() {
		n, done, err := s.Next(buf[p:])
		if n != len(reply) || !done || err != nil {
			b.Fatal(n, done, err)
		}
		if p += n; p == len(buf) {
			p = 0
		}
	}
}

func BenchmarkRepliesOK(b *testing.B)   { benchReplies(b, "+OK\r\n") }
func BenchmarkRepliesInt(b *testing.B)  { benchReplies(b, ":1\r\n") }
func BenchmarkRepliesNull(b *testing.B) { benchReplies(b, "$-1\r\n") }

func BenchmarkRepliesBulk64(b *testing.B) {
	benchReplies(b, "$64\r\n"+strings.Repeat("x", 64)+"\r\n")
}

func BenchmarkRepliesArray100(b *testing.B) {
	benchReplies(b, "*100\r\n"+strings.Repeat("$5\r\nhello\r\n", 100))
}
