package control

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// signs show at little cost that something was changed at run time which a look has found out: a module that was loaded, or a
// password that was set. The control connection itself would not notice either.
type signs struct {
	commands int64 // how many the upstream has; 0: it does not tell
	guarded  guard
}

// guard says whether a connection that has not authenticated is let in.
type guard uint8

const (
	guardUnasked guard = iota // the control user may not ask; once is enough to know, each refusal is logged upstream
	guardOpen
	guardClosed
)

// readSigns reads them; before says what was read last on this connection, nil: nothing.
func (p *Plane) readSigns(ctx context.Context, rdb *redis.Client, before *signs) (now signs, err error) {
	if before == nil || before.commands > 0 {
		n, err := rdb.Do(ctx, "COMMAND", "COUNT").Result()
		if err != nil && !refused(err) {
			return now, err
		}
		now.commands, _ = n.(int64) // some answer their whole table
	}
	if before == nil || before.guarded != guardUnasked {
		now.guarded, err = askGuard(ctx, rdb)
	}
	return now, err
}

// askGuard reads what the default user is: everybody who has not authenticated is that one.
func askGuard(ctx context.Context, rdb *redis.Client) (guard, error) {
	user, err := rdb.Do(ctx, "ACL", "GETUSER", "default").Slice()
	switch {
	case refused(err):
		return guardUnasked, nil
	case err != nil:
		return guardUnasked, err
	}
	for i := 0; i+1 < len(user); i += 2 {
		if flags, ok := user[i+1].([]any); ok && user[i] == "flags" {
			if slices.Contains(flags, any("on")) && slices.Contains(flags, any("nopass")) {
				return guardOpen, nil
			}
			return guardClosed, nil
		}
	}
	return guardUnasked, nil
}

// changed compares the signs with those of the last look.
func (p *Plane) changed(ctx context.Context, rdb *redis.Client) error {
	now, err := p.readSigns(ctx, rdb, &p.signs)
	switch {
	case err != nil && !refused(err):
		return err
	case now != p.signs && err == nil:
		return errAnew
	}
	return nil
}
