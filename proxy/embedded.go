package proxy

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Embedded is an in-memory stand-in for Redis inside this process, for trying
// the proxy out and for tests. It is miniredis: most everyday commands, no
// persistence, no eviction, and no claim to be as fast or as exact as a server.
// A key may expire up to embeddedTickMax early.
type Embedded struct {
	server *miniredis.Miniredis
	stop   chan struct{}
	done   sync.WaitGroup
	once   sync.Once
}

// miniredis's time stands still unless it is pushed. Each push sorts all keys,
// so the pause between two grows with the cost of one, up to the maximum.
const (
	embeddedTickMin = 10 * time.Millisecond
	embeddedTickMax = 100 * time.Millisecond
	embeddedShare   = 20 // at least so many times the push's own cost between pushes
)

// StartEmbedded starts one on a free loopback port. The caller must Close it.
func StartEmbedded(log *slog.Logger) (*Embedded, error) {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	e := &Embedded{server: m, stop: make(chan struct{})}
	e.done.Go(e.runClock)
	log.Info("embedded server started; its data ends with this process", "addr", m.Addr())
	return e, nil
}

// Addr is its "host:port".
func (e *Embedded) Addr() string { return e.server.Addr() }

// Close stops it and drops its data. It may be called more than once.
func (e *Embedded) Close() {
	e.once.Do(func() {
		close(e.stop)
		e.done.Wait()
		e.server.Close()
	})
}

// runClock lets the server's time pass as real time does.
func (e *Embedded) runClock() {
	last := time.Now()
	timer := time.NewTimer(embeddedTickMin)
	defer timer.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-timer.C:
		}
		// The time since the last push and not the timer's: a late tick must
		// not make the clock slow.
		now := time.Now()
		e.server.FastForward(now.Sub(last))
		last = now
		timer.Reset(min(max(embeddedTickMin, embeddedShare*time.Since(now)), embeddedTickMax))
	}
}
