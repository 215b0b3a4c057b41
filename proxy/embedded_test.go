package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func startEmbedded(t *testing.T) (*Embedded, *redis.Client) {
	t.Helper()
	e, err := StartEmbedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: e.Addr(), MaxRetries: -1, DisableIdentity: true, Protocol: 2})
	t.Cleanup(func() { client.Close(); e.Close() })
	return e, client
}

// Time must pass by itself: a stand-in whose keys live for ever would teach the
// wrong thing to whoever tries an expiry.
func TestEmbeddedKeysExpire(t *testing.T) {
	_, client := startEmbedded(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	const ttl = 300 * time.Millisecond
	start := time.Now()
	if err := client.Set(ctx, "short", "v", ttl).Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Set(ctx, "long", "v", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	for {
		err := client.Get(ctx, "short").Err()
		if errors.Is(err, redis.Nil) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	lived := time.Since(start)
	if lived < ttl-embeddedTickMax {
		t.Errorf("gone after %v, %v was asked for", lived, ttl)
	}
	left, err := client.PTTL(ctx, "long").Result()
	if err != nil || left > time.Hour-lived+2*embeddedTickMax || left < time.Hour-lived-10*time.Second {
		t.Errorf("the hour has %v left after %v, %v", left, lived, err)
	}
}

func TestEmbeddedClose(t *testing.T) {
	e, _ := startEmbedded(t)
	addr := e.Addr()
	e.Close()
	e.Close()
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("still listening after Close")
	}
}
