package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	sessions = 1000 // keys of each user
	purges   = 3    // in one sample
	victim   = "user:77:*"
)

// articleScript is how PURGE is done where there is none.
const articleScript = `local keys = redis.call('KEYS', ARGV[1]) for _, k in ipairs(keys) do redis.call('DEL', k) end return #keys`

// purge deletes the 1,000 keys of one user among those of users. What counts is how long it takes and how long it holds up others.
func purge(users int, quick bool) testCase {
	total := users * sessions
	return testCase{name: fmt.Sprintf("purge-%d", total), quick: quick, about: fmt.Sprintf("deleting 1,000 keys by pattern among %d", total),
		prepare: func(ctx context.Context, c *control) error {
			for n := range users {
				if err := c.user(ctx, n); err != nil {
					return err
				}
			}
			return nil
		},
		series: func(ctx context.Context, l *lab) ([]series, error) {
			var all []series
			add := func(name string, t *target, do func(context.Context, *control) (int64, error)) {
				all = append(all, series{name, func(ctx context.Context, _ time.Duration) (Metrics, error) { return deletion(ctx, l, t, do) }})
			}
			for _, t := range l.targets {
				if !t.replaces {
					continue
				}
				add(t.name, t, byPurge())
				for _, mode := range []string{Snapshot, Sweep} {
					if c := dialControl(t.addr); supports(ctx, c, mode) {
						add(mode, t, byPurge(strings.ToUpper(mode)))
					} else {
						l.note("PURGE … %s is left out: this build does not have it.", strings.ToUpper(mode))
					}
				}
			}
			add(ScanUnlink, l.targets[0], byScan)
			add(KeysDel, l.targets[0], func(ctx context.Context, c *control) (int64, error) {
				return c.Eval(ctx, articleScript, nil, victim).Int64()
			})
			return all, nil
		}}
}

// user writes one user's keys.
func (c *control) user(ctx context.Context, n int) error {
	args := make([]any, 0, 2*sessions)
	for m := range sessions {
		args = append(args, fmt.Sprintf("user:%d:session:%d", n, m), "0123456789abcdef0123456789abcdef")
	}
	return c.MSet(ctx, args...).Err()
}

// supports tells whether a mode of PURGE is there, by a pattern that matches nothing.
func supports(ctx context.Context, c *control, mode string) bool {
	defer c.Close()
	err := c.Do(ctx, "PURGE", "no:such:key:*", mode).Err()
	return err == nil
}

func byPurge(mode ...any) func(context.Context, *control) (int64, error) {
	return func(ctx context.Context, c *control) (int64, error) {
		return c.Do(ctx, append([]any{"PURGE", victim}, mode...)...).Int64()
	}
}

func byScan(ctx context.Context, c *control) (int64, error) {
	deleted, cursor := int64(0), uint64(0)
	for {
		keys, next, err := c.Scan(ctx, cursor, victim, 1000).Result()
		if err != nil {
			return deleted, err
		}
		if len(keys) > 0 {
			n, err := c.Unlink(ctx, keys...).Result()
			if err != nil {
				return deleted, err
			}
			deleted += n
		}
		if cursor = next; cursor == 0 {
			return deleted, nil
		}
	}
}

// deletion does it a few times, with another client on the same target that sends a PING every millisecond.
func deletion(ctx context.Context, l *lab, t *target, do func(context.Context, *control) (int64, error)) (Metrics, error) {
	direct, c := dialControl(l.redis), dialControl(t.addr)
	defer direct.Close()
	defer c.Close()
	var took []float64
	pause := time.Duration(0)
	for range purges {
		if err := direct.user(ctx, 77); err != nil {
			return nil, err
		}
		w, err := watch(ctx, t.addr)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		n, err := do(ctx, c)
		lasted := time.Since(began)
		longest, werr := w.end()
		if err = errors.Join(err, werr); err != nil {
			return nil, err
		}
		if n != sessions {
			return nil, fmt.Errorf("%d keys were deleted, not %d", n, sessions)
		}
		took, pause = append(took, float64(lasted)/float64(time.Millisecond)), max(pause, longest)
	}
	return Metrics{Took: median(took), Pause: float64(pause) / float64(time.Millisecond)}, nil
}

// watcher is the other client.
type watcher struct {
	nc   net.Conn
	stop chan struct{}
	done chan error
	max  time.Duration // once done has said something
}

// watch begins to send PINGs, and returns once the first was answered.
func watch(ctx context.Context, addr string) (*watcher, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Now().Add(2 * time.Minute))
	w := &watcher{nc: nc, stop: make(chan struct{}), done: make(chan error, 1)}
	if _, err := w.ping(); err != nil {
		nc.Close()
		return nil, err
	}
	go w.loop()
	return w, nil
}

func (w *watcher) loop() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			w.done <- nil
			return
		case <-tick.C:
		}
		d, err := w.ping()
		if err != nil {
			w.done <- err
			return
		}
		w.max = max(w.max, d)
	}
}

func (w *watcher) ping() (time.Duration, error) {
	var b [7]byte
	began := time.Now()
	if _, err := io.WriteString(w.nc, "PING\r\n"); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(w.nc, b[:]); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// end stops it and tells the longest time that a PING took.
func (w *watcher) end() (time.Duration, error) {
	close(w.stop)
	err := <-w.done
	w.nc.Close()
	return w.max, err
}

// dialControl makes a client that sends what it is told, once, and says nothing of itself.
func dialControl(addr string) *control {
	return &control{redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, MaxRetries: -1, ReadTimeout: -1, WriteTimeout: -1, PoolSize: 1,
		ContextTimeoutEnabled: true, DisableIdentity: true})}
}
