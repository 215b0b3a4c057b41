package e2e

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// transactor runs MULTI, three commands and EXEC again and again on one connection.
// Every reply is known beforehand.
type transactor struct {
	conn     net.Conn
	commands []string
	replies  []string
	buf      []byte
}

func newTransactor(tb testing.TB, addr string, n int) *transactor {
	tb.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	key, value := fmt.Sprintf("tx:%d", n), strings.Repeat("v", 64)
	x := &transactor{conn: conn, replies: []string{"+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "+QUEUED\r\n",
		"*3\r\n+OK\r\n" + bulk(value) + ":1\r\n"}}
	for _, args := range [][]string{{"MULTI"}, {"SET", key, value}, {"GET", key}, {"EXISTS", key}, {"EXEC"}} {
		x.commands = append(x.commands, redistest.Command(args...))
	}
	return x
}

// exchange sends what it is given in one piece and demands the reply.
func (x *transactor) exchange(commands, want string) error {
	if _, err := io.WriteString(x.conn, commands); err != nil {
		return err
	}
	if len(x.buf) < len(want) {
		x.buf = make([]byte, len(want))
	}
	got := x.buf[:len(want)]
	if _, err := io.ReadFull(x.conn, got); err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

// whole sends a transaction in one piece, as clients that pipeline do.
func (x *transactor) whole() error {
	return x.exchange(strings.Join(x.commands, ""), strings.Join(x.replies, ""))
}

// waiting waits for each reply before it sends the next command.
func (x *transactor) waiting() error {
	for i, c := range x.commands {
		if err := x.exchange(c, x.replies[i]); err != nil {
			return err
		}
	}
	return nil
}

var connectionsReceived = regexp.MustCompile(`total_connections_received:(\d+)`)

// received is how many connections the server has accepted so far.
func received(t *testing.T, c *redistest.Client) int {
	t.Helper()
	m := connectionsReceived.FindStringSubmatch(c.Do("INFO", "stats"))
	if m == nil {
		t.Fatal("INFO stats has no total_connections_received")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestTransactionsOpenNoConnections: fifty clients with a thousand transactions a
// second, in one piece and command by command, have the server see no new connection.
func TestTransactionsOpenNoConnections(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		const clients, total, every = 50, 2000, time.Millisecond
		r := startReady(t, before(s))
		all := make([]*transactor, clients)
		for i := range all {
			all[i] = newTransactor(t, r.Addrs()[0], i)
			if err := all[i].exchange(all[i].commands[0], all[i].replies[0]); err != nil { // as many at once as there can be
				t.Fatal(err)
			}
		}
		for _, x := range all {
			for i, c := range x.commands[1:] {
				if err := x.exchange(c, x.replies[i+1]); err != nil {
					t.Fatal(err)
				}
			}
		}
		direct := s.Dial(t)
		had := received(t, direct)
		begin := make(chan bool)
		var done sync.WaitGroup
		for _, x := range all {
			done.Go(func() {
				for whole := range begin {
					do := x.waiting
					if whole {
						do = x.whole
					}
					if err := do(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := 0; i < total && !t.Failed(); i++ {
			<-tick.C
			select {
			case begin <- i%2 == 0:
			case <-time.After(patience):
				t.Error("none of the clients comes to an end")
			}
		}
		close(begin)
		done.Wait()
		if now := received(t, direct); now != had {
			t.Errorf("%d new connections for %d transactions", now-had, total)
		}
	})
}
