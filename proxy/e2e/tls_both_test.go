package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestTLSBothWays: with TLS to the client and to the upstream, everything is as
// without.
func TestTLSBothWays(t *testing.T) {
	ca := newAuthority(t, "ca")
	server := ca.issue(t, "server", "127.0.0.1")
	s, addr := startTLSServer(t, ca, server, "no")
	cfg := secure(config("rediss://"+addr), server)
	cfg.Upstream.TLS.CAFile = ca.file
	r := startReady(t, cfg)
	connect := func(t *testing.T) *client { return dialTLS(t, r.Addrs()[0], ca.trusting()) }

	t.Run("pipeline", func(t *testing.T) {
		c := connect(t)
		const n = 1000
		go func() { // one write would wait for ever if neither side read
			var b strings.Builder
			for i := range n {
				b.WriteString(redistest.Command("SET", fmt.Sprint("p:", i), fmt.Sprint(i)))
				b.WriteString(redistest.Command("GET", fmt.Sprint("p:", i)))
			}
			c.Send(b.String()) // a failure shows as missing replies
		}()
		for i := range n {
			c.hear("+OK\r\n")
			c.hear(bulk(fmt.Sprint(i)))
		}
		c.must(":1000\r\n", "PURGE", "p:*", "DRYRUN")
		c.must(":1000\r\n", "PURGE", "p:*")
	})
	t.Run("large value", func(t *testing.T) {
		c := connect(t)
		value := randomText(8 << 20)
		c.must("+OK\r\n", "SET", "large", value)
		if got := s.Dial(t).Do("GET", "large"); got != bulk(value) {
			t.Error("the server has another value")
		}
		if got := c.do("GET", "large"); got != bulk(value) {
			t.Error("the client gets another value")
		}
		c.must(":1\r\n", "PURGE", "PREFIX", "large")
	})
	t.Run("state", func(t *testing.T) {
		c, other := connect(t), connect(t)
		c.must("+OK\r\n", "MULTI")
		c.must("+QUEUED\r\n", "SET", "tx", "1")
		other.must("$-1\r\n", "GET", "tx")
		c.must("*1\r\n+OK\r\n", "EXEC")
		c.must("*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n", "SUBSCRIBE", "ch")
		other.must(":1\r\n", "PUBLISH", "ch", "hi")
		c.hear("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n")
	})
}

// randomText is text that no compression or mix-up of blocks leaves as it is.
func randomText(n int) string {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b) // never fails
	return string(b)
}

// TestSlowReader: a client that asks and does not read is closed at its limit;
// the others, on the same loop and the same upstream connection, are served.
func TestSlowReader(t *testing.T) {
	for _, scheme := range []string{"tls", "plain"} {
		t.Run(scheme, func(t *testing.T) {
			s := redistest.Start(t)
			ca := newAuthority(t, "ca")
			cfg := secure(before(s), ca.issue(t, "server", "127.0.0.1"))
			cfg.Client.OutputLimit = 8 << 20
			cfg.Loops = 1
			r := startReady(t, cfg)
			connect := func() *client {
				if scheme == "tls" {
					return dialTLS(t, r.Addrs()[0], ca.trusting())
				}
				return dial(t, "tcp", r.Addrs()[1])
			}
			good, slow := connect(), connect()
			good.must("+OK\r\n", "SET", "big", strings.Repeat("x", 256<<10))
			good.must("+OK\r\n", "SET", "small", "v")
			slow.Timeout = 3 * time.Second
			ask := []byte(strings.Repeat(redistest.Command("GET", "big"), 100)) // 25 MiB of replies
			for range 4 {
				if _, err := slow.Conn.Write(ask); err != nil {
					break
				}
				good.must(bulk("v"), "GET", "small")
			}
			eventually(t, "the slow client is closed", func() bool {
				good.must(bulk("v"), "GET", "small")
				return strings.Contains(r.log.String(), "client_output_limit")
			})
			// What it gets in the end are whole replies, or a connection that ends.
			slow.Conn.SetReadDeadline(time.Now().Add(patience))
			got, err := io.ReadAll(slow.R)
			if nerr, ok := err.(interface{ Timeout() bool }); ok && nerr.Timeout() {
				t.Error("its connection is still open")
			}
			whole := bulk(strings.Repeat("x", 256<<10))
			for len(got) > len(whole) {
				if string(got[:len(whole)]) != whole {
					t.Fatalf("a reply that is none: %.50q", got)
				}
				got = got[len(whole):]
			}
			if !bytes.HasPrefix([]byte(whole), got) {
				t.Errorf("the last bytes are no beginning of a reply: %.50q", got)
			}
		})
	}
}
