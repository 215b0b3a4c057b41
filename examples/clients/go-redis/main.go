// Command go-redis tries go-redis with its default settings through atomicproxy: go-redis HOST:PORT
//
// It prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
// line on its input: whoever runs it restarts the server behind the proxy meanwhile.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go-redis HOST:PORT")
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
	fmt.Println("client go-redis", redis.Version())
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	sub := c.Subscribe(ctx, "gr:news")
	defer sub.Close()
	steps := []struct {
		name string
		try  func() error
	}{
		{"connect", func() error { return connect(ctx, c) }},
		{"pipeline", func() error { return pipeline(ctx, c) }},
		{"transaction", func() error { return transaction(ctx, c) }},
		{"blocking", func() error { return blocking(ctx, c) }},
		{"pubsub", func() error { return pubsub(ctx, c, sub, "hello") }},
		{"purge", func() error { return purge(ctx, c) }},
		{"reconnect", func() error { return reconnect(ctx, c) }},
		{"resubscribe", func() error { return pubsub(ctx, c, sub, "back") }},
	}
	for _, s := range steps {
		if err := s.try(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println("ok", s.name)
	}
	return nil
}

// same compares what a call gave, its error included, with what it should give.
func same[T comparable](got T, err error, want T) error {
	if err != nil || got != want {
		return fmt.Errorf("got %v, %v, want %v", got, err, want)
	}
	return nil
}

func connect(ctx context.Context, c *redis.Client) error {
	pong, err := c.Ping(ctx).Result()
	if err := same(pong, err, "PONG"); err != nil {
		return err
	}
	if err := c.Set(ctx, "gr:a", "1", 0).Err(); err != nil {
		return err
	}
	got, err := c.Get(ctx, "gr:a").Result()
	return same(got, err, "1")
}

func pipeline(ctx context.Context, c *redis.Client) error {
	p := c.Pipeline()
	var counts []*redis.IntCmd
	for range 100 {
		counts = append(counts, p.Incr(ctx, "gr:n"))
	}
	wrong := p.LPush(ctx, "gr:n", "x") // an error in the middle, and everything after it in its place
	last := p.Get(ctx, "gr:n")
	if _, err := p.Exec(ctx); err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
		return fmt.Errorf("EXEC: %v, want WRONGTYPE", err)
	}
	for i, n := range counts {
		if err := same(n.Val(), n.Err(), int64(i+1)); err != nil {
			return err
		}
	}
	if wrong.Err() == nil {
		return errors.New("LPUSH to a string succeeded")
	}
	return same(last.Val(), last.Err(), "100")
}

func transaction(ctx context.Context, c *redis.Client) error {
	set := func(tx *redis.Tx) error {
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "gr:a", "mine", 0).Err() })
		return err
	}
	err := c.Watch(ctx, func(tx *redis.Tx) error {
		if err := c.Set(ctx, "gr:a", "other", 0).Err(); err != nil { // on another connection of the pool
			return err
		}
		return set(tx)
	}, "gr:a")
	if !errors.Is(err, redis.TxFailedErr) {
		return fmt.Errorf("the key changed under WATCH, and the transaction gave %v", err)
	}
	if err := c.Watch(ctx, set, "gr:a"); err != nil {
		return err
	}
	got, err := c.Get(ctx, "gr:a").Result()
	return same(got, err, "mine")
}

func blocking(ctx context.Context, c *redis.Client) error {
	if _, err := c.BLPop(ctx, time.Second, "gr:q").Result(); !errors.Is(err, redis.Nil) {
		return fmt.Errorf("BLPOP of an empty list: %v", err)
	}
	pushed := make(chan error, 1)
	time.AfterFunc(200*time.Millisecond, func() { pushed <- c.RPush(ctx, "gr:q", "job").Err() })
	got, err := c.BLPop(ctx, 5*time.Second, "gr:q").Result()
	if err != nil || !slices.Equal(got, []string{"gr:q", "job"}) {
		return fmt.Errorf("BLPOP: %v, %v", got, err)
	}
	return <-pushed
}

// pubsub publishes until somebody is subscribed (again), and demands that the message comes.
func pubsub(ctx context.Context, c *redis.Client, sub *redis.PubSub, text string) error {
	messages := sub.Channel()
	deadline := time.Now().Add(10 * time.Second)
	for {
		n, err := c.Publish(ctx, "gr:news", text).Result()
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
		return same(m.Payload, nil, text)
	case <-time.After(5 * time.Second):
		return errors.New("no message came")
	}
}

func purge(ctx context.Context, c *redis.Client) error {
	for i := range 5 {
		if err := c.Set(ctx, fmt.Sprint("gr:p:", i), "v", 0).Err(); err != nil {
			return err
		}
	}
	n, err := c.Do(ctx, "PURGE", "gr:p:*").Int()
	if err := same(n, err, 5); err != nil {
		return err
	}
	left, err := c.Exists(ctx, "gr:p:0").Result()
	if err := same(left, err, 0); err != nil {
		return err
	}
	if err := c.Do(ctx, "PURGE", "*").Err(); err == nil || !strings.HasPrefix(err.Error(), "DENIED ") {
		return fmt.Errorf("PURGE * gave %v, want DENIED", err)
	}
	return nil
}

func reconnect(ctx context.Context, c *redis.Client) error {
	fmt.Println("RESTART")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	if err := c.Set(ctx, "gr:a", "again", 0).Err(); err != nil {
		return err
	}
	var got *redis.StringCmd
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		got = p.Get(ctx, "gr:a")
		return nil
	})
	return same(got.Val(), err, "again")
}
