// Command rueidis tries rueidis with its default settings, client-side caching among them, through atomicproxy:
// rueidis HOST:PORT
//
// It prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
// line on its input: whoever runs it restarts the server behind the proxy meanwhile.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// connections is how many rueidis opens for ordinary commands by default, at most (it is fewer on fewer than four cores).
const connections = 4

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: rueidis HOST:PORT")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := try(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func try(ctx context.Context, addr string) error {
	fmt.Println("client rueidis", rueidis.LibVer)
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}})
	if err != nil {
		return err
	}
	defer c.Close()
	messages := make(chan string, 16)
	for _, s := range []struct {
		name string
		try  func() error
	}{
		{"connect", func() error { return connect(ctx, c) }},
		{"pipeline", func() error { return pipeline(ctx, c) }},
		{"transaction", func() error { return transaction(ctx, c) }},
		{"blocking", func() error { return blocking(ctx, c) }},
		{"pubsub", func() error {
			go c.Receive(ctx, c.B().Subscribe().Channel("ru:news").Build(), func(m rueidis.PubSubMessage) { messages <- m.Message })
			return published(ctx, c, messages, "hello")
		}},
		{"caching", func() error { return caching(ctx, c, addr) }},
		{"purge", func() error { return purge(ctx, c) }},
		{"reconnect", func() error { return reconnect(ctx, c) }},
		{"resubscribe", func() error { return published(ctx, c, messages, "back") }},
		{"caching-again", func() error { return caching(ctx, c, addr) }},
	} {
		if err := s.try(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println("ok", s.name)
	}
	return nil
}

// same compares what a call gave, its error included, with what it should give.
func same[T comparable](got T, err error, want T) error {
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

// text sends one command and compares its reply.
func text(ctx context.Context, c rueidis.CoreClient, cmd rueidis.Completed, want string) error {
	what := fmt.Sprint(cmd.Commands())
	got, err := c.Do(ctx, cmd).ToString()
	if err := same(got, err, want); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func connect(ctx context.Context, c rueidis.Client) error {
	return errors.Join(
		text(ctx, c, c.B().Ping().Build(), "PONG"),
		text(ctx, c, c.B().Set().Key("ru:a").Value("1").Build(), "OK"),
		text(ctx, c, c.B().Get().Key("ru:a").Build(), "1"),
	)
}

func pipeline(ctx context.Context, c rueidis.Client) error {
	var cmds rueidis.Commands
	for range 100 {
		cmds = append(cmds, c.B().Incr().Key("ru:n").Build())
	}
	// An error in the middle, and everything after it in its place.
	cmds = append(cmds, c.B().Lpush().Key("ru:n").Element("x").Build(), c.B().Get().Key("ru:n").Build())
	replies := c.DoMulti(ctx, cmds...)
	for i, r := range replies[:100] {
		n, err := r.ToInt64()
		if err := same(n, err, int64(i+1)); err != nil {
			return err
		}
	}
	if err := replies[100].Error(); err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
		return fmt.Errorf("LPUSH to a string: %v", err)
	}
	last, err := replies[101].ToString()
	return same(last, err, "100")
}

func transaction(ctx context.Context, c rueidis.Client) error {
	return c.Dedicated(func(d rueidis.DedicatedClient) error {
		set := func() (int, error) {
			replies := d.DoMulti(ctx, c.B().Multi().Build(), c.B().Set().Key("ru:a").Value("mine").Build(), c.B().Exec().Build())
			l, err := replies[2].ToArray()
			return len(l), err
		}
		if err := errors.Join(
			text(ctx, d, c.B().Watch().Key("ru:a").Build(), "OK"),
			text(ctx, c, c.B().Set().Key("ru:a").Value("other").Build(), "OK"),
		); err != nil {
			return err
		}
		if n, err := set(); !rueidis.IsRedisNil(err) {
			return fmt.Errorf("the key changed under WATCH, and EXEC gave %d replies, %v", n, err)
		}
		if err := text(ctx, d, c.B().Watch().Key("ru:a").Build(), "OK"); err != nil {
			return err
		}
		n, err := set()
		if err := same(n, err, 1); err != nil {
			return err
		}
		return text(ctx, c, c.B().Get().Key("ru:a").Build(), "mine")
	})
}

func blocking(ctx context.Context, c rueidis.Client) error {
	if err := c.Do(ctx, c.B().Blpop().Key("ru:q").Timeout(1).Build()).Error(); !rueidis.IsRedisNil(err) {
		return fmt.Errorf("BLPOP of an empty list: %v", err)
	}
	pushed := make(chan error, 1)
	time.AfterFunc(200*time.Millisecond, func() {
		pushed <- c.Do(ctx, c.B().Rpush().Key("ru:q").Element("job").Build()).Error()
	})
	got, err := c.Do(ctx, c.B().Blpop().Key("ru:q").Timeout(5).Build()).AsStrSlice()
	if err := same(strings.Join(got, " "), err, "ru:q job"); err != nil {
		return err
	}
	return <-pushed
}

// published publishes until somebody is subscribed (again), and demands that the message comes.
func published(ctx context.Context, c rueidis.Client, messages <-chan string, text string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		n, err := c.Do(ctx, c.B().Publish().Channel("ru:news").Message(text).Build()).ToInt64()
		if err != nil {
			return err
		}
		if n > 0 {
			break
		}
		if time.Now().After(deadline) {
			return errors.New("nobody is subscribed")
		}
		time.Sleep(50 * time.Millisecond)
	}
	select {
	case m := <-messages:
		return same(m, nil, text)
	case <-time.After(5 * time.Second):
		return errors.New("no message came")
	}
}

// caching demands that a value is served from the client's own cache, and no longer once another client has changed it.
func caching(ctx context.Context, c rueidis.Client, addr string) error {
	other, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	if err != nil {
		return err
	}
	defer other.Close()
	get := func() rueidis.RedisResult { return c.DoCache(ctx, c.B().Get().Key("ru:c").Cache(), time.Minute) }
	if err := text(ctx, other, c.B().Set().Key("ru:c").Value("old").Build(), "OK"); err != nil {
		return err
	}
	if r := get(); r.Error() != nil || r.IsCacheHit() {
		return fmt.Errorf("the first read: %v, from the cache: %v", r.Error(), r.IsCacheHit())
	}
	if r := get(); !r.IsCacheHit() {
		return fmt.Errorf("the second read did not come from the cache (%v)", r.Error())
	}
	if err := text(ctx, other, c.B().Set().Key("ru:c").Value("new").Build(), "OK"); err != nil {
		return err
	}
	for range 100 {
		got, err := get().ToString()
		if err != nil {
			return err
		}
		if got == "new" {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("no invalidation came in two seconds")
}

func purge(ctx context.Context, c rueidis.Client) error {
	for i := range 5 {
		if err := text(ctx, c, c.B().Set().Key(fmt.Sprint("ru:p:", i)).Value("v").Build(), "OK"); err != nil {
			return err
		}
	}
	n, err := c.Do(ctx, c.B().Arbitrary("PURGE").Args("ru:p:*").Build()).ToInt64()
	if err := same(n, err, 5); err != nil {
		return err
	}
	left, err := c.Do(ctx, c.B().Exists().Key("ru:p:0").Build()).ToInt64()
	if err := same(left, err, 0); err != nil {
		return err
	}
	err = c.Do(ctx, c.B().Arbitrary("PURGE").Args("*").Build()).Error()
	if err == nil || !strings.HasPrefix(err.Error(), "DENIED ") {
		return fmt.Errorf("PURGE * gave %v, want DENIED", err)
	}
	return nil
}

func reconnect(ctx context.Context, c rueidis.Client) error {
	fmt.Println("RESTART")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	// A connection with client-side caching ends with the server, as it does on a direct one: what was cached may be stale.
	// rueidis sends a read again by itself. A write gets the EOF, once on each of its connections, and is the caller's to judge.
	if err := c.Do(ctx, c.B().Get().Key("ru:a").Build()).Error(); !rueidis.IsRedisNil(err) {
		return fmt.Errorf("GET after the restart, which emptied the server: %v", err)
	}
	err := io.EOF
	for i := 0; errors.Is(err, io.EOF) && i < connections+1; i++ {
		err = text(ctx, c, c.B().Set().Key("ru:a").Value("again").Build(), "OK")
	}
	if err != nil {
		return err
	}
	return text(ctx, c, c.B().Get().Key("ru:a").Build(), "again")
}
