package control

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/redis/go-redis/v9"
)

// noUser is why nothing can be loaded without having authenticated.
const noUser = "the upstream demands authentication, and the proxy's own user is not configured or was not accepted"

// replyCode returns the code of an error that the server answered, "" if err is none of those.
func replyCode(err error) string {
	var e redis.Error
	if err == nil || !errors.As(err, &e) || errors.Is(err, redis.Nil) {
		return ""
	}
	code, _, _ := strings.Cut(e.Error(), " ")
	return code
}

// refused reports that the server answered, and that it was a refusal: what was asked for is not to be had.
func refused(err error) bool { return replyCode(err) != "" && !notServing(err) }

// notServing reports an answer that says that the server is there and can't, or won't, serve now.
func notServing(err error) bool {
	switch replyCode(err) {
	case "LOADING", "MASTERDOWN", "BUSY", "DENIED":
		return true
	case "ERR":
		return strings.Contains(err.Error(), "max number of clients")
	}
	return false
}

// unauthenticated reports that the server would not accept the control user, or demands one.
func unauthenticated(err error) bool {
	code := replyCode(err)
	return code == "NOAUTH" || code == "WRONGPASS" || code != "" && strings.Contains(err.Error(), "failed to authenticate")
}

// look finds out everything on a new connection and loads the catalogue. loadErr is why that was not done, err why nothing
// could be found out.
func (p *Plane) look(ctx context.Context, rdb *redis.Client) (s *State, loadErr, err error) {
	s = &State{Connected: true, Registry: p.registry}
	err = rdb.Ping(ctx).Err()
	switch {
	case unauthenticated(err):
		s.AuthRequired, s.ClientsMustAuth = true, true
		s.Upstream.Reason = noUser
		s.UnknownQuote = '\''
		if replyCode(err) == "NOAUTH" { // the connection stands; without rights, but unknown names are told to anybody
			s.UnknownQuote, s.HidesNames, err = unknownName(ctx, rdb)
			return s, errors.New(noUser), err
		}
		return s, errors.New(noUser), nil
	case err != nil && !refused(err):
		return nil, nil, err
	}
	// First of all: what changes from here on is noticed.
	if p.signs, err = p.readSigns(ctx, rdb, nil); err != nil && !refused(err) {
		return nil, nil, err
	}
	for _, step := range []func(context.Context, *redis.Client, *State) error{p.identity, p.commands, p.native, p.anonymous} {
		if err := step(ctx, rdb, s); err != nil && !refused(err) {
			return nil, nil, err
		}
	}
	if s.UnknownQuote, _, err = unknownName(ctx, rdb); err != nil {
		return nil, nil, err
	}
	if err := p.abilities(ctx, rdb, &s.Upstream); err != nil {
		return nil, nil, err
	}
	loadErr = p.load(ctx, rdb, s)
	if loadErr != nil && !refused(loadErr) && !errors.Is(loadErr, errNotLoaded) {
		return nil, nil, loadErr
	}
	return s, loadErr, nil
}

// identity reads INFO server.
func (p *Plane) identity(ctx context.Context, rdb *redis.Client, s *State) error {
	info, err := rdb.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch key {
		case "redis_version":
			if s.Server == "" {
				s.Server, s.Version = "redis", value
			}
		case "valkey_version":
			s.Server, s.Version = "valkey", value
		case "run_id":
			s.RunID = value
		}
	}
	return nil
}

func (p *Plane) commands(ctx context.Context, rdb *redis.Client, s *State) error {
	reply, err := rdb.Do(ctx, "COMMAND").Slice()
	if err == nil {
		s.Commands = parseCommands(reply)
	}
	return err
}

// anonymous tries what a connection is told that has not authenticated.
func (p *Plane) anonymous(ctx context.Context, _ *redis.Client, s *State) error {
	if p.opt.Credentials == nil {
		return nil // the control connection is one, and was not told NOAUTH
	}
	other := p.client(nil)
	defer other.Close()
	err := other.Ping(ctx).Err()
	s.ClientsMustAuth = replyCode(err) == "NOAUTH"
	if s.ClientsMustAuth {
		_, s.HidesNames, err = unknownName(ctx, other)
	}
	return err
}

// unknownName asks for a command that nobody has: what stands around the name in the answer, and whether that is NOAUTH.
func unknownName(ctx context.Context, rdb *redis.Client) (quote byte, hidden bool, err error) {
	const nobodys = "atomicproxy.no-such-command"
	err = rdb.Do(ctx, nobodys).Err()
	code := replyCode(err)
	if err != nil && code == "" {
		return 0, false, err
	}
	if err != nil && strings.Contains(err.Error(), "`"+nobodys+"`") {
		return '`', false, nil
	}
	return '\'', code == "NOAUTH", nil
}

// abilities finds out by trying what the upstream's scripting can. A server may claim a version and lack what it had.
func (p *Plane) abilities(ctx context.Context, rdb *redis.Client, up *commands.Upstream) error {
	reply, err := rdb.Do(ctx, "COMMAND", "INFO", "evalsha_ro").Slice()
	if err != nil && !refused(err) {
		return err
	}
	if len(reply) == 1 { // some answer their whole table, whatever was asked for
		name, _, ok := parseInfo(reply[0])
		up.ReadOnlyEval = ok && name == "evalsha_ro"
	}
	err = rdb.ScriptLoad(ctx, "#!lua flags=no-writes\nreturn 1").Err()
	if err != nil && !refused(err) {
		return err
	}
	up.Shebang = err == nil
	return p.aclCheck(ctx, rdb, up)
}

// aclCheck runs a script that looks for redis.acl_check_cmd. Where the control user may not run scripts, it is taken to be
// there if the shebang line is: both came with 7.0, and the catalogue's scripts look for it themselves.
func (p *Plane) aclCheck(ctx context.Context, rdb *redis.Client, up *commands.Upstream) error {
	up.ACLCheck = up.Shebang
	sha, err := rdb.ScriptLoad(ctx, "return redis.acl_check_cmd and 1 or 0").Result()
	if err == nil {
		var n int
		if n, err = rdb.EvalSha(ctx, sha, nil).Int(); err == nil {
			up.ACLCheck = n == 1
		}
	}
	if err != nil && !refused(err) {
		return err
	}
	return nil
}

// health sees whether the upstream still answers as it did.
func (p *Plane) health(ctx context.Context, rdb *redis.Client) error {
	err := rdb.Ping(ctx).Err()
	switch was := p.State(); {
	case unauthenticated(err) != was.AuthRequired:
		return errAnew
	case err == nil && !was.AuthRequired:
		return p.changed(ctx, rdb)
	case err == nil || refused(err):
		return nil
	}
	return fmt.Errorf("ping: %w", err)
}
