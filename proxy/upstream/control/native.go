package control

import (
	"context"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/redis/go-redis/v9"
)

// native asks for each command of the catalogue that the upstream may have itself: by its name, never by version. A command
// is there if COMMAND INFO answers exactly one entry of that name (some answer their whole table, whatever was asked for),
// an option if COMMAND DOCS has its token.
func (p *Plane) native(ctx context.Context, rdb *redis.Client, s *State) error {
	probes := s.Registry.Probes()
	answers := make([]*redis.Cmd, len(probes))
	_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, probe := range probes {
			what := "INFO"
			if probe.Token != "" {
				what = "DOCS"
			}
			answers[i] = pipe.Do(ctx, "COMMAND", what, probe.Command)
		}
		return nil
	})
	if err != nil && !refused(err) {
		return err
	}
	found := map[commands.Probe]bool{}
	for i, probe := range probes {
		reply, err := answers[i].Slice()
		if err != nil {
			continue // refused, or not to be had: it counts as lacking
		}
		if probe.Token != "" {
			found[probe] = hasToken(reply, probe.Token)
		} else if len(reply) == 1 {
			name, _, ok := parseInfo(reply[0])
			found[probe] = ok && name == probe.Command
		}
	}
	s.Upstream.Native = s.Registry.Native(func(probe commands.Probe) bool { return found[probe] })
	return nil
}

// hasToken looks for a token anywhere in a reply of COMMAND DOCS: a flat list of names and values, with lists inside.
func hasToken(docs []any, token string) bool {
	for i, e := range docs {
		if inner, ok := e.([]any); ok && hasToken(inner, token) {
			return true
		}
		if name, ok := e.(string); ok && name == "token" && i+1 < len(docs) {
			if value, ok := docs[i+1].(string); ok && strings.EqualFold(value, token) {
				return true
			}
		}
	}
	return false
}
