package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Client is a tiny client that shows replies as the bytes that came. It frames on its own, apart from the proxy's
// framing, so that the two can't share a fault. It is for one goroutine.
type Client struct {
	Conn net.Conn
	R    *bufio.Reader
	// Timeout bounds each Call, Send and Receive: 30 s unless set, none if negative.
	Timeout time.Duration

	tb testing.TB // nil: Do may not be called
}

const defaultTimeout = 30 * time.Second

// Dial connects to the server. The connection closes with the test.
func (s *Server) Dial(tb testing.TB) *Client {
	tb.Helper()
	return Dial(tb, s.Addr)
}

// Dial connects to addr (host:port): to a proxy under test, say. The connection closes with the test.
func Dial(tb testing.TB, addr string) *Client {
	tb.Helper()
	conn, err := net.DialTimeout("tcp", addr, defaultTimeout)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	c := NewClient(conn)
	c.tb = tb
	tb.Cleanup(func() { conn.Close() })
	return c
}

// NewClient makes a client of a connection that the caller closes. Its Do must not be called: there is no test to
// fail.
func NewClient(conn net.Conn) *Client {
	return &Client{Conn: conn, R: bufio.NewReader(conn)}
}

// Close closes the connection.
func (c *Client) Close() error { return c.Conn.Close() }

// Do sends one command and returns its reply as it came, line ends included: "+OK\r\n". A connection that fails ends
// the test, so Do is for the test's own goroutine; others use Call.
func (c *Client) Do(args ...string) string {
	c.tb.Helper()
	reply, err := c.Call(args...)
	if err != nil {
		c.tb.Fatalf("%.200q: %v", args, err)
	}
	return reply
}

// Call is Do for any goroutine.
func (c *Client) Call(args ...string) (string, error) {
	if err := c.Send(Command(args...)); err != nil {
		return "", err
	}
	return c.Receive()
}

// Send writes bytes as they are.
func (c *Client) Send(b string) error {
	if err := c.Conn.SetWriteDeadline(c.deadline()); err != nil {
		return err
	}
	_, err := io.WriteString(c.Conn, b)
	return err
}

// Receive reads the next reply, or RESP3 push. A stream that ends inside one gives io.ErrUnexpectedEOF, between two
// io.EOF.
func (c *Client) Receive() (string, error) {
	if err := c.Conn.SetReadDeadline(c.deadline()); err != nil {
		return "", err
	}
	return ReadReply(c.R)
}

func (c *Client) deadline() time.Time {
	switch {
	case c.Timeout < 0:
		return time.Time{}
	case c.Timeout == 0:
		return time.Now().Add(defaultTimeout)
	}
	return time.Now().Add(c.Timeout)
}

// Command writes a command as an array of bulk strings.
func Command(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// Bulk writes a bulk string, as in a reply.
func Bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// IsError reports whether reply is an error with this code: IsError("-ERR syntax error\r\n", "ERR").
func IsError(reply, code string) bool {
	return hasCode(reply, "-"+code)
}

func hasCode(reply, start string) bool {
	rest, ok := strings.CutPrefix(reply, start)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\r')
}

// Bounds of a reply that ReadReply takes for one: more is a stream that has lost its frame.
const (
	maxBulk  = 600 << 20
	maxDepth = 64
)

// ErrFrame says that what came is no RESP. It is wrapped.
var ErrFrame = errors.New("not RESP")

// ReadReply reads one reply and returns its bytes. An attribute and the reply after it are one.
func ReadReply(r *bufio.Reader) (string, error) {
	var b strings.Builder
	err := copyReply(&b, r, 0)
	if errors.Is(err, io.EOF) && b.Len() > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return b.String(), err
	}
	return b.String(), nil
}

func copyReply(b *strings.Builder, r *bufio.Reader, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: more than %d levels", ErrFrame, maxDepth)
	}
	line, err := r.ReadString('\n')
	b.WriteString(line)
	if err != nil {
		return err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return fmt.Errorf("%w: line %.100q", ErrFrame, line)
	}
	kind, header := line[0], line[1:len(line)-2]
	switch kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return nil
	case '$', '=', '!':
		return copyBulk(b, r, header)
	case '*', '~', '>':
		return copyMany(b, r, header, 1, depth)
	case '%':
		return copyMany(b, r, header, 2, depth)
	case '|':
		if err := copyMany(b, r, header, 2, depth); err != nil {
			return err
		}
		return copyReply(b, r, depth) // what the attribute is of
	}
	return fmt.Errorf("%w: line %.100q", ErrFrame, line)
}

func copyBulk(b *strings.Builder, r *bufio.Reader, header string) error {
	n, err := strconv.Atoi(header)
	if err != nil || n < -1 || n > maxBulk {
		return fmt.Errorf("%w: bulk length %.100q", ErrFrame, header)
	}
	if n == -1 {
		return nil
	}
	start := b.Len()
	if _, err := io.CopyN(b, r, int64(n)+2); err != nil {
		return err
	}
	if got := b.String()[start:]; got[n:] != "\r\n" {
		return fmt.Errorf("%w: %q where a bulk string of %d bytes should end", ErrFrame, got[n:], n)
	}
	return nil
}

func copyMany(b *strings.Builder, r *bufio.Reader, header string, times, depth int) error {
	n, err := strconv.Atoi(header)
	if err != nil || n < -1 || n > maxBulk {
		return fmt.Errorf("%w: count %.100q", ErrFrame, header)
	}
	for range n * times {
		if err := copyReply(b, r, depth+1); err != nil {
			return err
		}
	}
	return nil
}
