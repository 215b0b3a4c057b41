package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/redis/go-redis/v9"
)

// errNotLoaded is wrapped by what keeps the catalogue from being loaded although the upstream answers.
var errNotLoaded = errors.New("scripts were not loaded")

// errFlushed says that scripts were loaded and are not there any more.
var errFlushed = errors.New("scripts are being flushed")

// loadTries bounds how often the catalogue is loaded again because it was flushed while it was being loaded.
const loadTries = 3

// load loads the catalogue and sets Scripts and Reason. It leaves an upstream alone on which somebody else loaded it before
// and the control user may not.
func (p *Plane) load(ctx context.Context, rdb *redis.Client, s *State) error {
	up := &s.Upstream
	up.Scripts, up.Reason = false, ""
	var err error
	for range loadTries {
		if err = p.loadOnce(ctx, rdb, s); err == nil || !errors.Is(err, errFlushed) {
			break
		}
	}
	if errors.Is(err, errFlushed) {
		err = nil // what is missing is loaded when it is missed
	}
	if refused(err) {
		if found := p.loadedByOthers(ctx, rdb, s); found {
			err = nil
		}
	}
	switch {
	case err == nil:
		up.Scripts = true
	case replyCode(err) == "NOPERM":
		up.Reason = "the proxy's own user may not run SCRIPT LOAD on the upstream"
	default:
		up.Reason = err.Error()
	}
	return err
}

// loadOnce loads all texts in one write and then asks whether they are all there: a SCRIPT FLUSH in between could leave the
// marker without the others.
func (p *Plane) loadOnce(ctx context.Context, rdb *redis.Client, s *State) error {
	texts := s.Registry.Texts(&s.Upstream)
	replies := make([]*redis.StringCmd, len(texts))
	_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, t := range texts {
			replies[i] = pipe.ScriptLoad(ctx, t.Body)
		}
		return nil
	})
	if err != nil && !refused(err) {
		return err
	}
	for i, t := range texts {
		switch err := replies[i].Err(); {
		case err != nil && !t.Foreign:
			return err
		case err != nil:
			p.opt.Log.Warn("the upstream does not take an application's script", "script", t.Name, "error", err)
			continue
		}
		if sha := replies[i].Val(); sha != t.SHA1 {
			return fmt.Errorf("%w: the upstream calls %s %q, not by its SHA1", errNotLoaded, t.Name, sha)
		}
	}
	missing, err := p.missing(ctx, rdb, texts)
	if err == nil && missing {
		return errFlushed
	}
	if err != nil && !refused(err) {
		return err
	}
	return nil
}

func (p *Plane) missing(ctx context.Context, rdb *redis.Client, texts []commands.Text) (bool, error) {
	var shas []string
	for _, t := range texts {
		if !t.Foreign { // which is missed by those who call it, and not by the catalogue
			shas = append(shas, t.SHA1)
		}
	}
	there, err := rdb.ScriptExists(ctx, shas...).Result()
	return slices.Contains(there, false) || len(there) != len(shas), err
}

// loadedByOthers looks for the catalogue in either form, and sets Shebang to the one that is there.
func (p *Plane) loadedByOthers(ctx context.Context, rdb *redis.Client, s *State) bool {
	for _, shebang := range []bool{true, false} {
		try := s.Upstream
		try.Shebang = shebang
		if missing, err := p.missing(ctx, rdb, s.Registry.Texts(&try)); err == nil && !missing {
			s.Upstream.Shebang = shebang
			return true
		}
	}
	return false
}

// reload serves those who asked for scripts.
func (p *Plane) reload(ctx context.Context, rdb *redis.Client) error {
	waiting := p.take()
	if slices.ContainsFunc(waiting, func(r request) bool { return r.sha == "" }) {
		return p.reloadAll(ctx, rdb, waiting)
	}
	return p.reloadSome(ctx, rdb, waiting)
}

// reloadSome loads single scripts. Should the upstream be another one by now, whoever waits misses the next script there.
func (p *Plane) reloadSome(ctx context.Context, rdb *redis.Client, waiting []request) error {
	if len(waiting) == 0 {
		return nil
	}
	p.flushed = true
	wanted := map[string]bool{}
	for _, r := range waiting {
		wanted[r.sha] = true
	}
	s := p.State()
	_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, t := range s.Registry.Texts(&s.Upstream) {
			if wanted[t.SHA1] {
				pipe.ScriptLoad(ctx, t.Body)
			}
		}
		return nil
	})
	p.answer(waiting, err)
	if refused(err) {
		return nil
	}
	return err
}

// reloadAll loads the whole catalogue.
func (p *Plane) reloadAll(ctx context.Context, rdb *redis.Client, waiting []request) error {
	var now State
	if err := p.identity(ctx, rdb, &now); err != nil && !refused(err) {
		p.answer(waiting, err)
		return err
	}
	was := p.State()
	if now.RunID != was.RunID || was.AuthRequired {
		p.mu.Lock()
		p.waiting = append(waiting, p.waiting...) // who waits is answered by the look that follows
		p.mu.Unlock()
		return errAnew
	}
	s := *was
	err := p.load(ctx, rdb, &s)
	if err != nil && !refused(err) && !errors.Is(err, errNotLoaded) {
		p.answer(waiting, err)
		return err
	}
	if s.Upstream != was.Upstream {
		p.publish(&s)
	}
	p.answer(waiting, err)
	return nil
}
