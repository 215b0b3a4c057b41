package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Purges are the PURGEs with SNAPSHOT or SWEEP that are under way, on all loops.
// The zero value is ready, and so is a nil pointer, which lists none.
type Purges struct {
	mu      sync.Mutex
	last    int64
	running map[int64]*purging
}

// purging is what others may know of one.
type purging struct {
	id                    int64
	mode, pattern, client string
	user                  string
	db                    int
	began                 time.Time
	total                 atomic.Int64 // keys of the database at the beginning; -1: not known
	scanned, removed      atomic.Int64
	cancel                func() // on any goroutine
}

// add lists one and gives it its id.
func (l *Purges) add(p *purging) {
	p.total.Store(-1)
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running == nil {
		l.running = map[int64]*purging{}
	}
	l.last++
	p.id = l.last
	l.running[p.id] = p
}

func (l *Purges) remove(p *purging) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, p.id)
}

func (l *Purges) find(id int64) *purging {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running[id]
}

// lines lists them, the oldest first, a line for each; those of one user only, if
// it is not "".
func (l *Purges) lines(user string) string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	var all []*purging
	for _, p := range l.running {
		if user == "" || p.user == user {
			all = append(all, p)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(all, func(a, b *purging) int { return cmp.Compare(a.id, b.id) })
	var out strings.Builder
	for _, p := range all {
		of := "?"
		if n := p.total.Load(); n >= 0 {
			of = fmt.Sprint(n)
		}
		fmt.Fprintf(&out, "id=%d mode=%s pattern=%s client=%s user=%s db=%d scanned=%d of=%s removed=%d seconds=%d\n",
			p.id, p.mode, field(p.pattern), p.client, field(p.user), p.db, p.scanned.Load(), of, p.removed.Load(), int(time.Since(p.began).Seconds()))
	}
	return out.String()
}
