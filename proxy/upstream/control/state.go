package control

import (
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
)

// State is what is known of the upstream. It does not change; a newer one takes its place.
type State struct {
	Connected    bool   // the upstream answers and serves (an answer that speaks of rights is an answer)
	Reason       string // why not, or "", in one line
	AuthRequired bool   // the control user could not authenticate: nothing below but UnknownQuote is known

	// ClientsMustAuth: the upstream answers NOAUTH to a connection that has not authenticated.
	ClientsMustAuth bool

	// HidesNames: to such a connection NOAUTH is the answer to an unknown name or a wrong number of arguments too, as in
	// Valkey 9.1. Others tell those first.
	HidesNames bool

	Server  string // "redis" or "valkey"; "" if INFO is not to be had
	Version string // "7.0.15"; the server's own, not the Redis version that Valkey claims to be like
	RunID   string // another one: another process

	// Commands is the upstream's COMMAND by lower-case name; nil if it is not to be had.
	Commands map[string]Info

	// Registry is the catalogue that Upstream speaks of; never nil.
	Registry *commands.Registry

	// Upstream is what calls of the catalogue depend on.
	Upstream commands.Upstream

	// UnknownQuote stands around the name in "unknown command": ' since 7.0, ` before.
	UnknownQuote byte
}

// Info is one entry of COMMAND.
type Info struct {
	Arity                                                       int // with the name; negative is a minimum
	Write, ReadOnly, Blocking, NoAuth, Scripting, Admin, PubSub bool
	Subs                                                        map[string]Info // by lower-case name; since 7.0
}

// parseCommands reads the reply of COMMAND. Entries that have another form are left out.
func parseCommands(reply []any) map[string]Info {
	m := make(map[string]Info, len(reply))
	for _, e := range reply {
		if name, info, ok := parseInfo(e); ok {
			m[name] = info
		}
	}
	return m
}

func parseInfo(e any) (name string, info Info, ok bool) {
	f, _ := e.([]any)
	if len(f) < 3 {
		return "", info, false
	}
	name, ok = f[0].(string)
	arity, ok2 := f[1].(int64)
	if !ok || !ok2 {
		return "", info, false
	}
	info.Arity = int(arity)
	flags, _ := f[2].([]any)
	for _, flag := range flags {
		info.mark(flag)
	}
	if len(f) > 6 {
		categories, _ := f[6].([]any)
		for _, c := range categories {
			info.mark(c)
		}
	}
	if len(f) > 9 {
		subs, _ := f[9].([]any)
		for _, s := range subs {
			full, sub, ok := parseInfo(s)
			if !ok {
				continue
			}
			if info.Subs == nil {
				info.Subs = map[string]Info{}
			}
			info.Subs[full[strings.LastIndexByte(full, '|')+1:]] = sub // "kill" of "client|kill"
		}
	}
	return strings.ToLower(name), info, true
}

// mark notes a flag or an ACL category. 6.0 has some things only as category.
func (i *Info) mark(word any) {
	switch word {
	case "write", "@write":
		i.Write = true
	case "readonly", "@read":
		i.ReadOnly = true
	case "blocking", "@blocking":
		i.Blocking = true
	case "no_auth":
		i.NoAuth = true
	case "@scripting":
		i.Scripting = true
	case "admin", "@admin":
		i.Admin = true
	case "pubsub", "@pubsub":
		i.PubSub = true
	}
}
