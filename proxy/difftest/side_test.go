package difftest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// replyTimeout is how long a reply may take before it counts as not coming.
const replyTimeout = 5 * time.Second

// side is one of the two that are compared: a server, or the proxy before another.
type side struct {
	addr string
	c    *redistest.Client // nil: to be dialled
}

// answer is all that came for one piece of input.
type answer struct {
	replies []string
	end     string // "" if the connection goes on, else "closed", "silent" or what was no RESP
}

func (a answer) String() string {
	return fmt.Sprintf("%.600q %s", a.replies, a.end)
}

func (s *side) dial(t *testing.T) *redistest.Client {
	t.Helper()
	if s.c == nil {
		s.c = redistest.Dial(t, s.addr)
		s.c.Timeout = replyTimeout
	}
	return s.c
}

func (s *side) hangUp() {
	if s.c != nil {
		s.c.Close()
		s.c = nil
	}
}

// hello puts a new connection into RESP3.
func (s *side) hello(t *testing.T, protocol int) {
	t.Helper()
	if protocol == 2 || s.c != nil {
		return
	}
	if reply := s.dial(t).Do("HELLO", fmt.Sprint(protocol)); reply[0] != '%' {
		t.Fatalf("HELLO %d at %s: %q", protocol, s.addr, reply)
	}
}

// play sends wire and a PING with a nonce behind it, and takes everything up to that PING's reply: a command may have
// no reply, one, or several.
func (s *side) play(t *testing.T, wire, nonce string) answer {
	t.Helper()
	c := s.dial(t)
	sent := make(chan error, 1)
	go func() { sent <- c.Send(wire + redistest.Command("PING", nonce)) }()
	var a answer
	for a.end == "" {
		reply, err := c.Receive()
		if err != nil {
			a.fail(reply, err)
			s.hangUp() // ends the sending, too
			break
		}
		if isSentinel(reply, nonce) {
			break
		}
		a.replies = append(a.replies, reply)
	}
	<-sent
	return a
}

func (a *answer) fail(part string, err error) {
	if part != "" {
		a.replies = append(a.replies, part)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.end = "silent"
	case errors.Is(err, redistest.ErrFrame):
		a.end = err.Error()
	default:
		a.end = "closed"
	}
}

// isSentinel knows PING's reply, also that in a RESP2 subscription.
func isSentinel(reply, nonce string) bool {
	return reply == redistest.Bulk(nonce) || strings.HasSuffix(reply, redistest.Bulk("pong")+redistest.Bulk(nonce))
}

// playPieces sends the pieces as so many segments and reads until the end of the connection, or for as long as
// something comes. The last piece must make the other side close, or be a QUIT.
func playPieces(t *testing.T, addr string, pieces []string, pause time.Duration) string {
	t.Helper()
	c := redistest.Dial(t, addr)
	defer c.Close()
	got := make(chan string, 1)
	go func() {
		c.Conn.SetReadDeadline(time.Now().Add(2 * replyTimeout))
		var b strings.Builder
		_, err := io.Copy(&b, c.R)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			b.WriteString("<silent>")
		}
		got <- b.String()
	}()
	for i, p := range pieces {
		if i > 0 && pause > 0 {
			time.Sleep(pause)
		}
		if c.Send(p) != nil {
			break // closed on us; what came before it counts
		}
	}
	return <-got
}
