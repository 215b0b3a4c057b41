package difftest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// command is what a server tells about one of its commands, or a subcommand ("client|list").
type command struct {
	name  string
	group string
	arity int // as Redis counts: negative for a minimum
	args  []argument
}

// words are the name as it is sent: "client", "list".
func (c command) words() []string { return strings.Split(c.name, "|") }

// argument is an entry of COMMAND DOCS' arguments.
type argument struct {
	name, kind, token                 string
	optional, multiple, multipleToken bool
	args                              []argument
}

// readCommands asks a server for all of its commands. Where the server has no COMMAND DOCS (before 7.0), the arguments
// are those that docs has, of a newer server.
func readCommands(t *testing.T, c *redistest.Client, docs map[string]command) []command {
	t.Helper()
	for name, d := range readDocs(t, c) {
		docs[name] = d
	}
	var all []command
	for _, e := range parseOne(c.Do("COMMAND")).elems {
		all = append(all, withDocs(e, docs)...)
	}
	return all
}

// withDocs makes a command of an entry of COMMAND, and of its subcommands where it has some.
func withDocs(e value, docs map[string]command) []command {
	if len(e.elems) < 6 {
		return nil
	}
	name := strings.ToLower(e.elems[0].text)
	arity, _ := strconv.Atoi(e.elems[1].text)
	c := docs[name]
	c.name, c.arity = name, arity
	all := []command{c}
	if len(e.elems) > 9 {
		for _, sub := range e.elems[9].elems {
			all = append(all, withDocs(sub, docs)...)
		}
		return all
	}
	// 6.0 doesn't list subcommands; those that the newer server knows are tried.
	for _, sub := range slices.Sorted(maps.Keys(docs)) {
		if strings.HasPrefix(sub, name+"|") {
			all = append(all, docs[sub])
		}
	}
	return all
}

func readDocs(t *testing.T, c *redistest.Client) map[string]command {
	t.Helper()
	docs := map[string]command{}
	v := parseOne(c.Do("COMMAND", "DOCS"))
	if v.isError() || len(v.elems) < 100 {
		return docs // before 7.0, DOCS is an unknown subcommand
	}
	addDocs(docs, v)
	return docs
}

func addDocs(docs map[string]command, v value) {
	for i := 0; i+1 < len(v.elems); i += 2 {
		name, d := strings.ToLower(v.elems[i].text), v.elems[i+1]
		docs[name] = command{name: name, group: d.get("group").text, args: arguments(d.get("arguments"))}
		addDocs(docs, d.get("subcommands"))
	}
}

func arguments(v value) []argument {
	var all []argument
	for _, e := range v.elems {
		a := argument{name: e.get("name").text, kind: e.get("type").text, token: e.get("token").text,
			args: arguments(e.get("arguments"))}
		for _, f := range e.get("flags").elems {
			switch f.text {
			case "optional":
				a.optional = true
			case "multiple":
				a.multiple = true
			case "multiple_token":
				a.multipleToken = true
			}
		}
		all = append(all, a)
	}
	return all
}
