package difftest

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/scripts"
)

// normaliser makes alike what differs between two equal servers. Errors never get here: their texts must be equal.
type normaliser func(args []string, v value) value

func sorted(_ []string, v value) value { return v.sorted(false) }
func deep(_ []string, v value) value   { return v.deeplySorted() }
func pairs(_ []string, v value) value  { return v.sorted(true) }
func shape(_ []string, v value) value  { return v.shape() }

// kind leaves only the type.
func kind(_ []string, v value) value { return value{kind: v.kind, null: v.null, text: "…"} }

// positive hides positive numbers: times left, and times.
func positive(_ []string, v value) value {
	if v.kind == ':' && !strings.HasPrefix(v.text, "-") && v.text != "0" {
		v.text = "n"
	}
	for i := range v.elems {
		v.elems[i] = positive(nil, v.elems[i])
	}
	return v
}

// elapsed hides numbers that are not negative: what has just happened is 0 or 1 units ago.
func elapsed(_ []string, v value) value {
	if v.kind == ':' && !strings.HasPrefix(v.text, "-") {
		v.text = "n"
	}
	for i := range v.elems {
		v.elems[i] = elapsed(nil, v.elems[i])
	}
	return v
}

// scanned sorts what a whole scan found. Where a scan in parts stops depends on the table's order.
func scanned(args []string, v value) value {
	if len(v.elems) != 2 {
		return v
	}
	upper := strings.ToUpper(strings.Join(args, " "))
	whole := !strings.HasPrefix(upper, "SCAN ") && !strings.Contains(upper, " COUNT ") || strings.HasSuffix(upper, "COUNT 1000")
	if !whole {
		return v.shapeOfScan()
	}
	isPairs := strings.EqualFold(args[0], "hscan") || strings.EqualFold(args[0], "zscan")
	v.elems[1] = v.elems[1].sorted(isPairs && !strings.Contains(upper, "NOVALUES"))
	return v
}

func (v value) shapeOfScan() value {
	v.elems = []value{v.elems[0].shape(), {kind: v.elems[1].kind, text: "…"}}
	return v
}

// unlike are the commands that only one side lists: those that the proxy refuses, and those of its own.
var unlike = withOurs(map[string]bool{
	"eval": true, "evalsha": true, "eval_ro": true, "evalsha_ro": true, "fcall": true, "fcall_ro": true,
	"script|load": true, "script|flush": true, "script|debug": true,
	"function|load": true, "function|delete": true, "function|flush": true, "function|restore": true,
	"asking": true, "sync": true, "psync": true, "replconf": true, "cluster|syncslots": true,
	"proxy": true,
})

func withOurs(names map[string]bool) map[string]bool {
	reg, err := commands.Load(scripts.FS, commands.Settings{PurgeMaxScan: 1, PurgeLimit: 1})
	if err != nil {
		panic(err)
	}
	for _, c := range reg.Commands() {
		if !c.Extends() {
			names[c.Name()] = true
		}
	}
	return names
}

// listed leaves the commands that both sides should list alike, from a list of names or of entries.
func listed(_ []string, v value) value { return v.without(1).deeplySorted() }

// documented is listed for COMMAND DOCS, where names and descriptions take turns.
func documented(_ []string, v value) value { return v.without(2).deeplySorted() }

// without drops unlike commands, each of step elements, here and in the lists of subcommands.
func (v value) without(step int) value {
	var elems []value
	for e := range slices.Chunk(v.elems, step) {
		name := e[0].text
		if len(e[0].elems) > 0 {
			name = e[0].elems[0].text
		}
		if container, _, _ := strings.Cut(name, "|"); unlike[name] || container == "proxy" {
			continue
		}
		for _, part := range e {
			// Subcommands are the tenth part of an entry, and stand under their name in a description.
			if step == 1 && len(part.elems) > 9 {
				part.elems[9] = part.elems[9].without(1)
			}
			for i := 0; step == 2 && i+1 < len(part.elems); i += 2 {
				if part.elems[i].text == "subcommands" {
					part.elems[i+1] = part.elems[i+1].without(2)
				}
			}
			elems = append(elems, part)
		}
	}
	v.elems = elems
	return v
}

var (
	streamID = regexp.MustCompile(`^[0-9]{10,}-[0-9]+$`)
	infoLine = regexp.MustCompile(`(?m)^([^:#\r\n]+):.*$`)
)

// generatedID hides a stream id made from the clock.
func generatedID(_ []string, v value) value {
	if streamID.MatchString(v.text) {
		v.text = "id"
	}
	return v
}

// infoFields keeps the names of INFO's fields. Per-command and per-key-space lines depend on what ran before.
func infoFields(_ []string, v value) value {
	var keep []string
	for _, line := range strings.Split(infoLine.ReplaceAllString(v.text, "$1"), "\r\n") {
		if !strings.HasPrefix(line, "cmdstat_") && !strings.HasPrefix(line, "errorstat_") &&
			!strings.HasPrefix(line, "latency_percentiles_") && !strings.HasPrefix(line, "db") {
			keep = append(keep, line)
		}
	}
	v.text = strings.Join(keep, "\n")
	return v
}

// hello hides the connection's id, which the proxy gives out itself.
func hello(_ []string, v value) value {
	for i := 0; i+1 < len(v.elems); i += 2 {
		if v.elems[i].text == "id" {
			v.elems[i+1].text = "n"
		}
	}
	return v
}

// rules say for each command whose replies differ between two equal servers what is compared all the same. Hash tables
// are seeded at random, so everything that walks one comes in any order.
var rules = []struct {
	commands string // path.Match patterns of names, separated by spaces
	rule     normaliser
	reason   string
}{
	{"keys smembers sunion sinter sdiff hkeys hvals acl|users pubsub|channels pubsub|shardchannels acl|cat", sorted, "order of a hash table"},
	{"hgetall config|get pubsub|numsub pubsub|shardnumsub", pairs, "order of a hash table"},
	{"scan sscan hscan zscan", scanned, "order of a hash table"},
	{"acl|getuser", deep, "order of hash tables within each other"},
	{"command command|info command|list", listed, "order of hash tables; what the proxy refuses and adds"},
	{"command|docs", documented, "order of hash tables; what the proxy refuses and adds"},
	{"command|count", kind, "what the proxy refuses and adds"},
	{"randomkey srandmember spop hrandfield zrandmember acl|genpass lolwut", kind, "random"},
	{"ttl pttl expiretime pexpiretime httl hpttl hexpiretime hpexpiretime", positive, "the clock"},
	{"object|idletime", elapsed, "the clock"},
	{"time lastsave", shape, "the clock"},
	{"xadd", generatedID, "the clock"},
	{"xpending xinfo|consumers xinfo|groups", elapsed, "the clock"},
	{"xinfo|stream", kind, "the clock, and sizes of radix trees"},
	{"info", infoFields, "counters, sizes and the clock"},
	{"memory|* latency|* slowlog|* acl|log", kind, "sizes, times and addresses"},
	{"client|list client|info", kind, "addresses, ages and sizes; the upstream's view"},
	{"client|id", shape, "the proxy gives out ids of its own"},
	{"client|kill client|unblock", kind, "how many connections there are"},
	{"hello", hello, "the proxy gives out ids of its own"},
	{"dump", kind, "a set's elements are in a hash table's order"},
	{"object|freq role cluster|* module|list", kind, "offsets, times, ids"},
	{"sort", sortRule, "BY nosort walks a set in a hash table's order"},
	{"debug|*", kind, "addresses"},
	{"commandlog|*", kind, "times"},
	{"hotkeys|*", kind, "times"},
}

func sortRule(args []string, v value) value { return v.sorted(false) }

// normalise makes a reply to command name (as nameOf gives it) comparable.
func normalise(name string, args []string, reply string) string {
	v := parseOne(reply)
	if v.isError() {
		return reply
	}
	for _, r := range rules {
		for pattern := range strings.FieldsSeq(r.commands) {
			if ok, _ := path.Match(pattern, name); ok {
				return r.rule(args, v).String()
			}
		}
	}
	return reply
}

func TestNormalise(t *testing.T) {
	same := func(name, a, b string) {
		t.Helper()
		args := strings.Fields(strings.ReplaceAll(name, "|", " "))
		key := args[0]
		if strings.Contains(name, "|") {
			key = name
		}
		if x, y := normalise(key, args, a), normalise(key, args, b); x != y {
			t.Errorf("%s: %s and %s", name, x, y)
		}
	}
	same("keys", "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*2\r\n$1\r\nb\r\n$1\r\na\r\n")
	same("ttl", ":99\r\n", ":100\r\n")
	same("scan 0 count 1000", "*2\r\n$1\r\n0\r\n*2\r\n+a\r\n+b\r\n", "*2\r\n$1\r\n0\r\n*2\r\n+b\r\n+a\r\n")
	same("command|list", "*2\r\n+get\r\n+eval\r\n", "*2\r\n+purge\r\n+get\r\n")
	same("command|docs", "*4\r\n+get\r\n*0\r\n+eval\r\n*0\r\n", "*2\r\n+get\r\n*0\r\n")
	for name, pair := range map[string][2]string{
		"ttl":          {":-1\r\n", ":100\r\n"},
		"get":          {"$1\r\na\r\n", "$1\r\nb\r\n"},
		"keys":         {"-ERR a\r\n", "-ERR b\r\n"},
		"command|list": {"*1\r\n+get\r\n", "*1\r\n+set\r\n"},
		"time":         {"*2\r\n$1\r\n1\r\n$1\r\n2\r\n", "*1\r\n$1\r\n1\r\n"},
	} {
		if normalise(name, []string{name}, pair[0]) == normalise(name, []string{name}, pair[1]) {
			t.Errorf("%s: %q and %q count as the same", name, pair[0], pair[1])
		}
	}
}
