package control

import (
	"context"
	"errors"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/redis/go-redis/v9"
)

// replacement is a catalogue that is to take the present one's place.
type replacement struct {
	registry *commands.Registry
	done     func(error)
}

func (r *replacement) answer(err error) {
	if r != nil {
		r.done(err)
	}
}

// errOvertaken is the answer to one of two replacements that came at once.
var errOvertaken = errors.New("another catalogue was given before this one was taken")

// Replace changes to another catalogue: its scripts are loaded first, then a State that names it is published, then done
// is called, on any goroutine. If the upstream does not take them the present one stays, and done gets the reason. While the
// upstream does not answer the change is made at once; the scripts are loaded when it does.
func (p *Plane) Replace(registry *commands.Registry, done func(error)) {
	r := &replacement{registry, done}
	p.mu.Lock()
	closed, before := p.closed, p.next
	if !closed {
		p.next = r
	}
	p.mu.Unlock()
	if closed {
		r.answer(ErrClosed)
		return
	}
	before.answer(errOvertaken)
	p.rouse()
}

func (p *Plane) takeNext() *replacement {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.next
	p.next = nil
	return r
}

// changeUnseen changes the catalogue between two connections. The look that follows loads it.
func (p *Plane) changeUnseen() {
	if r := p.takeNext(); r != nil {
		p.registry = r.registry
		r.answer(nil)
	}
}

// change changes the catalogue while the upstream answers. An error is the connection's.
func (p *Plane) change(ctx context.Context, rdb *redis.Client) error {
	r := p.takeNext()
	if r == nil {
		return nil
	}
	was := p.State()
	s := *was
	s.Registry = r.registry
	err := p.native(ctx, rdb, &s)
	if err == nil {
		err = p.load(ctx, rdb, &s)
	}
	told := refused(err) || errors.Is(err, errNotLoaded)
	switch {
	case err != nil && !told: // the connection is lost, so nothing is known of the new one
		r.answer(err)
		return err
	case err != nil && was.Upstream.Scripts:
		r.answer(err)
		return nil
	}
	p.registry = r.registry
	p.publish(&s)
	r.answer(nil)
	return nil
}
