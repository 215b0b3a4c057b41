package redistest

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidwall/redcon"
)

// FakeConn is one connection to a fake server.
type FakeConn struct {
	ID    int64 // counted from 1
	State any   // the hook's

	closing bool
	up      *Client
}

// Forward asks the real server behind the fake, on a connection that belongs to this one, and returns its reply. If
// that server is gone it returns "" and the connection ends.
func (c *FakeConn) Forward(args ...string) string {
	reply, err := c.up.Call(args...)
	if err != nil {
		c.Close()
		return ""
	}
	return reply
}

// Close ends the connection once what the hook returns has been written.
func (c *FakeConn) Close() { c.closing = true }

// Hook answers a command with bytes, which are sent as they are. It is called by a goroutine for each connection.
type Hook func(c *FakeConn, args []string) string

// Fake is a server that says what a hook makes of a real one's replies. Commands with no reply or with several, as
// SUBSCRIBE, can't be forwarded.
func Fake(tb testing.TB, upstream string, hook Hook) (addr string) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	var last atomic.Int64
	srv := redcon.NewServer("", func(rc redcon.Conn, cmd redcon.Command) {
		c := rc.Context().(*FakeConn)
		args := make([]string, len(cmd.Args))
		for i, a := range cmd.Args {
			args[i] = string(a)
		}
		rc.WriteRaw([]byte(hook(c, args)))
		if c.closing {
			rc.Close() // which writes first
		}
	}, func(rc redcon.Conn) bool {
		up, err := net.Dial("tcp", upstream)
		if err != nil {
			return false
		}
		rc.SetContext(&FakeConn{ID: last.Add(1), up: NewClient(up)})
		return true
	}, func(rc redcon.Conn, _ error) {
		if c, ok := rc.Context().(*FakeConn); ok {
			c.up.Close()
		}
	})
	var serving sync.WaitGroup
	serving.Add(1)
	go func() {
		defer serving.Done()
		srv.Serve(ln)
	}()
	tb.Cleanup(func() {
		srv.Close()
		serving.Wait()
	})
	return ln.Addr().String()
}
