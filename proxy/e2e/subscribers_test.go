package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

const (
	flood   = "flood" // the channel of long messages
	news    = "news"  // that of short ones, for everybody
	last    = "last"  // the last message of either
	ahead   = 8       // long messages that may be on their way to one who reads
	padding = 32 << 10
)

// reader is a subscriber that takes every message at once.
type reader struct {
	*client
	proto  int
	tokens chan struct{} // one for each long message on its way to it; nil: it hears none
	done   chan error
}

// subscribe connects a client in one of the protocols and subscribes it.
func subscribe(t *testing.T, r *running, proto int, channels ...string) *client {
	t.Helper()
	c := r.dial(t)
	if proto == 3 {
		if got := c.do("HELLO", "3"); got[0] != '%' {
			t.Fatalf("HELLO 3 = %q", got)
		}
	}
	for i, channel := range channels {
		c.must(fmt.Sprintf("%s3\r\n%s%s:%d\r\n", push(proto), bulk("subscribe"), bulk(channel), i+1), "SUBSCRIBE", channel)
	}
	return c
}

// push is how a message begins in a protocol.
func push(proto int) string {
	if proto == 3 {
		return ">"
	}
	return "*"
}

// long is a long message: its number first.
func long(n int) string { return fmt.Sprintf("%08d", n) + strings.Repeat("x", padding) }

// read demands every message of both channels, each in its place.
func (s *reader) read() {
	next := map[string]int{}
	s.Timeout = 2 * patience
	for ended := 0; ended < 1 || s.tokens != nil && ended < 2; {
		got, err := s.Receive()
		if err != nil {
			s.done <- fmt.Errorf("after %v: %w", next, err)
			return
		}
		channel, want := news, fmt.Sprint(next[news])
		if strings.Contains(got[:min(40, len(got))], bulk(flood)) {
			channel, want = flood, long(next[flood])
		}
		head := push(s.proto) + "3\r\n" + bulk("message") + bulk(channel)
		switch got {
		case head + bulk(want):
			next[channel]++
		case head + bulk(last):
			ended++
		default:
			s.done <- fmt.Errorf("after %v: %.120q", next, got)
			return
		}
		if channel == flood {
			<-s.tokens
		}
	}
	s.done <- nil
}

// wait returns when another long message may be on its way to the reader.
func (s *reader) wait() {
	s.tb.Helper()
	select {
	case s.tokens <- struct{}{}:
	case err := <-s.done:
		s.tb.Fatalf("one who reads: %v", err)
	case <-time.After(patience):
		s.tb.Fatal("one who reads gets nothing")
	}
}

// publish sends one message and demands that somebody heard it.
func publish(c *client, channel, message string) {
	c.tb.Helper()
	if got := c.do("PUBLISH", channel, message); got[0] != ':' || got == ":0\r\n" {
		c.tb.Fatalf("PUBLISH %s = %q", channel, got)
	}
}

// floodUntil publishes on both channels, no faster than the readers take it, until
// the condition holds, and then the last messages.
func floodUntil(t *testing.T, c *client, readers []*reader, most int, cond func() bool) {
	t.Helper()
	for n := 0; !cond(); n++ {
		if n == most {
			t.Fatalf("%d messages of %d bytes have not had the effect", n, padding)
		}
		for _, s := range readers {
			s.wait()
		}
		publish(c, flood, long(n))
		publish(c, news, fmt.Sprint(n))
	}
	for _, s := range readers {
		s.wait()
	}
	publish(c, flood, last)
	publish(c, news, last)
}

// closedFor counts the clients that the log says were closed for a reason; "": for any.
func closedFor(r *running, reason string) int {
	return strings.Count(r.log.String(), `msg="client closed" reason=`+reason)
}

// TestSlowSubscribers has a thousand subscribers, half of them in RESP3, of whom fifty
// read nothing: those are closed at the limit, with the reason in the log, and the
// others miss no message.
func TestSlowSubscribers(t *testing.T) {
	const all, slow = 1000, 50
	s := redistest.Start(t)
	cfg := before(s)
	cfg.Client.OutputLimit = 1 << 20
	r := startReady(t, cfg)
	var stuck []*client
	var readers, flooded []*reader
	for i := range all {
		proto := 2 + i%2
		if i/2%(all/slow) == 0 {
			c := subscribe(t, r, proto, news, flood)
			stuck = append(stuck, c)
			continue
		}
		q := &reader{proto: proto, done: make(chan error, 1)}
		channels := []string{news}
		if i/2%(all/slow) == 1 && len(flooded) < 10 {
			q.tokens, channels = make(chan struct{}, ahead), []string{news, flood}
			flooded = append(flooded, q)
		}
		q.client = subscribe(t, r, proto, channels...)
		readers = append(readers, q)
		go q.read()
	}
	if len(stuck) != slow {
		t.Fatalf("%d are slow", len(stuck))
	}
	floodUntil(t, r.dial(t), flooded, 1000, func() bool { return closedFor(r, "client_output_limit") == slow })
	for _, q := range readers {
		if err := <-q.done; err != nil {
			t.Fatalf("one who reads, in RESP%d: %v", q.proto, err)
		}
	}
	if n := closedFor(r, ""); n != slow {
		t.Errorf("%d clients were closed, %d of them for their output", n, slow)
	}
	for _, c := range stuck {
		if !c.closed() {
			t.Fatal("one of the slow is still connected")
		}
	}
	direct := s.Dial(t)
	eventually(t, "only those who read are subscribed", func() bool {
		return direct.Do("PUBSUB", "NUMSUB", news) == fmt.Sprintf("*2\r\n%s:%d\r\n", bulk(news), all-slow)
	})
	for _, q := range readers[len(readers)-2:] { // an ordinary client again
		q.must(fmt.Sprintf("%s3\r\n%s%s:0\r\n", push(q.proto), bulk("unsubscribe"), bulk(news)), "UNSUBSCRIBE", news)
		q.must("+OK\r\n", "SET", "k", "v")
	}
}

// TestSubscriberLimit: with the default limits a subscriber who reads nothing is closed
// when as much waits for it as servers let wait by default, not the 256 MiB of others.
func TestSubscriberLimit(t *testing.T) {
	s := redistest.Start(t)
	r := startReady(t, before(s))
	stuck := subscribe(t, r, 3, news, flood)
	q := &reader{proto: 3, tokens: make(chan struct{}, ahead), done: make(chan error, 1)}
	q.client = subscribe(t, r, 3, news, flood)
	go q.read()
	sent := 0
	floodUntil(t, r.dial(t), []*reader{q}, 2*64<<20/padding, func() bool {
		sent++
		return closedFor(r, "client_output_limit") == 1
	})
	if err := <-q.done; err != nil {
		t.Errorf("one who reads: %v", err)
	}
	if bytes := sent * padding; bytes < 32<<20 {
		t.Errorf("closed after %d bytes", bytes)
	}
	if !stuck.closed() {
		t.Error("the other is still connected")
	}
}
