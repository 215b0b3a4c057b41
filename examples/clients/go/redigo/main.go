// Command redigo tries redigo with its default settings through atomicproxy: redigo HOST:PORT
//
// It prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
// line on its input: whoever runs it restarts the server behind the proxy meanwhile. redigo does not connect again by
// itself, and need not: the proxy keeps the client's connection open.
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: redigo HOST:PORT")
		os.Exit(2)
	}
	if err := try(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func try(addr string) error {
	fmt.Println("client redigo")
	c, err := redis.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	other, err := redis.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer other.Close()
	for _, s := range []struct {
		name string
		try  func(c, other redis.Conn) error
	}{
		{"connect", connect}, {"pipeline", pipeline}, {"transaction", transaction}, {"blocking", blocking},
		{"pubsub", pubsub}, {"purge", purge}, {"reconnect", reconnect},
	} {
		if err := s.try(c, other); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println("ok", s.name)
	}
	return nil
}

// want is one command and the reply that it should get; an error is compared by its code alone.
type want struct {
	conn    redis.Conn
	reply   any
	command []any
}

func all(wants ...want) error {
	for _, w := range wants {
		got, err := w.conn.Do(w.command[0].(string), w.command[1:]...)
		if err := same(w.command, got, err, w.reply); err != nil {
			return err
		}
	}
	return nil
}

func same(what, got any, err error, want any) error {
	if e, ok := err.(redis.Error); ok {
		code, _, _ := strings.Cut(string(e), " ")
		got, err = "-"+code, nil
	}
	if err != nil {
		return fmt.Errorf("%v: %w", what, err)
	}
	if got = plain(got); !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%v: got %v, want %v", what, got, want)
	}
	return nil
}

// plain turns the bulk strings of a reply into Go strings.
func plain(reply any) any {
	switch r := reply.(type) {
	case []byte:
		return string(r)
	case []any:
		l := make([]any, len(r))
		for i := range r {
			l[i] = plain(r[i])
		}
		return l
	}
	return reply
}

func cmd(args ...any) []any { return args }

func connect(c, _ redis.Conn) error {
	return all(want{c, "PONG", cmd("PING")}, want{c, "OK", cmd("SET", "rg:a", 1)}, want{c, "1", cmd("GET", "rg:a")})
}

func pipeline(c, _ redis.Conn) error {
	for range 100 {
		if err := c.Send("INCR", "rg:n"); err != nil {
			return err
		}
	}
	c.Send("LPUSH", "rg:n", "x") // an error in the middle, and everything after it in its place
	c.Send("GET", "rg:n")
	if err := c.Flush(); err != nil {
		return err
	}
	for i := range 100 {
		n, err := c.Receive()
		if err := same(i, n, err, int64(i+1)); err != nil {
			return err
		}
	}
	got, err := c.Receive()
	if err := same("LPUSH", got, err, "-WRONGTYPE"); err != nil {
		return err
	}
	got, err = c.Receive()
	return same("GET", got, err, "100")
}

func transaction(c, other redis.Conn) error {
	return all(
		want{c, "OK", cmd("WATCH", "rg:a")},
		want{other, "OK", cmd("SET", "rg:a", "other")},
		want{c, "OK", cmd("MULTI")},
		want{c, "QUEUED", cmd("SET", "rg:a", "mine")},
		want{c, nil, cmd("EXEC")},
		want{c, "OK", cmd("WATCH", "rg:a")},
		want{c, "OK", cmd("MULTI")},
		want{c, "QUEUED", cmd("SET", "rg:a", "mine")},
		want{c, "QUEUED", cmd("GET", "rg:a")},
		want{c, []any{"OK", "mine"}, cmd("EXEC")},
	)
}

func blocking(c, other redis.Conn) error {
	if err := all(want{c, nil, cmd("BLPOP", "rg:q", 1)}); err != nil {
		return err
	}
	pushed := make(chan error, 1)
	time.AfterFunc(200*time.Millisecond, func() { pushed <- all(want{other, int64(1), cmd("RPUSH", "rg:q", "job")}) })
	if err := all(want{c, []any{"rg:q", "job"}, cmd("BLPOP", "rg:q", 5)}); err != nil {
		return err
	}
	return <-pushed
}

func pubsub(c, other redis.Conn) error {
	sub := redis.PubSubConn{Conn: c}
	if err := sub.Subscribe("rg:news"); err != nil {
		return err
	}
	if s, ok := sub.ReceiveWithTimeout(5 * time.Second).(redis.Subscription); !ok || s.Count != 1 {
		return fmt.Errorf("SUBSCRIBE: %v", s)
	}
	if err := all(want{other, int64(1), cmd("PUBLISH", "rg:news", "hello")}); err != nil {
		return err
	}
	if m, ok := sub.ReceiveWithTimeout(5 * time.Second).(redis.Message); !ok || string(m.Data) != "hello" {
		return fmt.Errorf("the message: %v", m)
	}
	if err := sub.Unsubscribe("rg:news"); err != nil {
		return err
	}
	if s, ok := sub.ReceiveWithTimeout(5 * time.Second).(redis.Subscription); !ok || s.Count != 0 {
		return fmt.Errorf("UNSUBSCRIBE: %v", s)
	}
	return all(want{c, "mine", cmd("GET", "rg:a")}) // an ordinary connection again
}

func purge(c, _ redis.Conn) error {
	for i := range 5 {
		if err := all(want{c, "OK", cmd("SET", fmt.Sprint("rg:p:", i), "v")}); err != nil {
			return err
		}
	}
	return all(
		want{c, int64(5), cmd("PURGE", "rg:p:*")},
		want{c, int64(0), cmd("EXISTS", "rg:p:0")},
		want{c, "-DENIED", cmd("PURGE", "*")},
	)
}

func reconnect(c, other redis.Conn) error {
	fmt.Println("RESTART")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	return all(
		want{c, "OK", cmd("SET", "rg:a", "again")},
		want{other, "again", cmd("GET", "rg:a")},
		want{c, "OK", cmd("WATCH", "rg:a")},
		want{c, "OK", cmd("MULTI")},
		want{c, "QUEUED", cmd("GET", "rg:a")},
		want{c, []any{"again"}, cmd("EXEC")},
	)
}
