package difftest

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes argument lists for a command from what COMMAND DOCS says of it.
type generator struct {
	rng *rand.Rand
	key string // for arguments that are keys
	// extra is the chance that an optional argument is there: 0 gives the shortest form, 1 the longest.
	extra float64
	swap  func(kind, made string) string // replaces a value; nil: none
}

// variant is one way to call a command.
type variant struct {
	args []string
	kind string // how it was made, for messages
}

// variants are right and wrong ways to call c, the same for the same seed.
func variants(c command, seed uint64) []variant {
	rng := rand.New(rand.NewPCG(seed, uint64(len(c.name))<<32|uint64(c.name[0])))
	typical := typicalKey[c.group]
	if typical == "" {
		typical = "string"
	}
	var all []variant
	add := func(kind string, g generator) {
		g.rng = rng
		all = append(all, variant{append(c.words(), g.list(c.args)...), kind})
	}
	add("shortest", generator{key: typical})
	add("longest", generator{key: typical, extra: 1})
	for range 4 {
		add("random", generator{key: typical, extra: rng.Float64()})
	}
	for _, key := range otherKeys {
		add("key "+strconv.Quote(key), generator{key: key, extra: 0.3})
	}
	for _, s := range swaps {
		add(s.kind, generator{key: typical, extra: 0.3, swap: s.swap})
	}
	for _, line := range examples[c.name] {
		all = append(all, variant{append(c.words(), strings.Fields(line)...), "example"})
	}
	return distinct(append(all, wrongCounts(c, all[0].args)...))
}

// distinct drops variants that came out as others before.
func distinct(all []variant) (kept []variant) {
	seen := map[string]bool{}
	for _, v := range all {
		if key := strings.Join(v.args, "\x00|"); !seen[key] {
			seen[key] = true
			kept = append(kept, v)
		}
	}
	return kept
}

// swaps put something unfit in the place of values.
var swaps = []struct {
	kind string
	swap func(kind, made string) string
}{
	{"no number", func(kind, made string) string {
		if kind == "integer" || kind == "double" {
			return "abc"
		}
		return made
	}},
	{"huge number", func(kind, made string) string {
		if kind == "integer" || kind == "double" || kind == "unix-time" {
			return "9223372036854775808"
		}
		return made
	}},
	{"empty", func(string, string) string { return "" }},
	{"binary", func(string, string) string { return "\x00\r\n$3\r\nfoo\r\n\xff" }},
	{"quotes", func(string, string) string { return `"' \x00 {}` }},
	{"long", func(kind, made string) string {
		if kind == "string" || kind == "key" || kind == "pattern" {
			return strings.Repeat("x", 20000)
		}
		return made
	}},
}

// wrongCounts are calls with too few and too many arguments, and with rubbish at the end.
func wrongCounts(c command, shortest []string) []variant {
	words := c.words()
	all := []variant{{words, "name only"}}
	if len(shortest) > len(words)+1 {
		all = append(all, variant{shortest[:len(shortest)-1], "one too few"})
	}
	long := append(append([]string(nil), shortest...), "x", "y", "z")
	return append(all,
		variant{append(append([]string(nil), shortest...), "rubbish"), "one too many"},
		variant{long, "three too many"})
}

// list makes values for a list of arguments. A count ("numkeys") is made to fit what it counts, which comes after it.
func (g *generator) list(args []argument) []string {
	var out []string
	count := -1 // where in out the last count stands
	for _, a := range args {
		if a.optional && g.rng.Float64() >= g.extra {
			continue
		}
		n := 1
		if a.multiple && g.extra > 0 {
			n = 1 + g.rng.IntN(3)
		}
		if isCount(a) {
			count = len(out)
			if a.token != "" {
				count++
			}
		}
		if a.multiple && count >= 0 {
			out[count] = strconv.Itoa(n)
			count = -1
		}
		for i := range n {
			if a.token != "" && a.kind != "pure-token" && (i == 0 || a.multipleToken) {
				out = append(out, a.token)
			}
			out = append(out, g.one(a)...)
		}
	}
	return out
}

func isCount(a argument) bool {
	return a.kind == "integer" && strings.HasPrefix(a.name, "num")
}

func (g *generator) one(a argument) []string {
	switch a.kind {
	case "block":
		return g.list(a.args)
	case "oneof":
		if len(a.args) == 0 {
			return nil
		}
		chosen := a.args[g.rng.IntN(len(a.args))]
		chosen.optional = false
		return g.list([]argument{chosen})
	case "pure-token":
		return []string{a.token}
	}
	made := g.scalar(a)
	if g.swap != nil {
		made = g.swap(a.kind, made)
	}
	return []string{made}
}

// named are values for arguments by their names, where any value of the type would hardly ever be right. Times are
// short: a command that waits must not hold the test up.
var named = map[string][]string{
	"timeout": {"0.01"}, "member": {"a", "b", "new"}, "element": {"b", "new"}, "field": {"a", "b", "new"},
	"id": {"1-1", "2-1", "9-9"}, "group": {"group"}, "consumer": {"consumer", "other"},
	"min-idle-time": {"0", "1000000"}, "milliseconds": {"5"}, "seconds": {"100000"}, "score": {"1", "2.5", "-inf"},
	"longitude": {"13.5"}, "latitude": {"38.1"}, "radius": {"200"}, "width": {"400"}, "height": {"400"},
	"offset": {"0", "7"}, "bit": {"0", "1"}, "start": {"0", "-2"}, "end": {"1", "-1"}, "stop": {"1", "-1"},
	"encoding": {"u8", "i5"}, "port": {"1"}, "db": {"1"}, "index": {"0", "1"}, "destination-db": {"1"}, "cursor": {"0"},
	"subcommand": {"get"}, "command-name": {"get", "nosuch"}, "command": {"get"}, "arg": {"string"},
	"channel": {"ch1", "ch2"}, "client-id": {"999999"}, "shardchannel": {"ch1"}, "protover": {"2", "3"}, "category": {"read"},
	"parameter": {"maxmemory", "slowlog*"}, "event": {"command"}, "lastid": {"5-5"}, "last-id": {"5-5"},
	"entries-read": {"1"}, "milliseconds-timestamp": {"4102444800000"}, "threshold": {"1"}, "increment": {"2", "-1"},
	"decrement": {"2"}, "hash-tag": {"x"}, "slot": {"5"}, "newkey": {"new"}, "numreplicas": {"0"}, "numlocal": {"0"},
	"username": {"someone"}, "connection-name": {"me"}, "libname": {"lib"}, "libver": {"1"}, "max": {"3", "+inf"},
	"min": {"0", "-inf"}, "comparison-value": {"Hello, world"}, "value": {"v", "10", "Hello, world"},
}

// streamNamed are those whose values in a stream's command differ from elsewhere.
var streamNamed = map[string][]string{"start": {"-", "1-1"}, "end": {"+", "2-1"}, "threshold": {"1", "1-1"}}

func (g *generator) scalar(a argument) string {
	if a.kind == "key" {
		if strings.HasPrefix(a.name, "dest") || a.name == "newkey" {
			return "destination"
		}
		return g.key
	}
	pool := named[a.name]
	if g.key == "stream" && streamNamed[a.name] != nil {
		pool = streamNamed[a.name]
	}
	if pool != nil {
		made := pool[g.rng.IntN(len(pool))]
		if a.kind == "integer" && a.name == "timeout" {
			made = "10" // milliseconds, as WAIT's
		}
		return made
	}
	switch a.kind {
	case "integer":
		return []string{"0", "1", "2", "-1", "5"}[g.rng.IntN(5)]
	case "double":
		return []string{"1.5", "0", "-2", "1e3"}[g.rng.IntN(4)]
	case "unix-time":
		if strings.Contains(a.name, "milli") {
			return "4102444800000"
		}
		return "4102444800"
	case "pattern":
		return []string{"*", "s*", "[a-m]?*"}[g.rng.IntN(3)]
	}
	return []string{"a", "x", "10", "Hello"}[g.rng.IntN(4)]
}

// examples are calls that the descriptions alone hardly ever give.
var examples = map[string][]string{
	"xadd":                  {"stream 5-1 f v", "stream * f v", "stream MAXLEN ~ 10 * f v", "new NOMKSTREAM 1-1 f v", "stream 1-1 f v"},
	"xread":                 {"STREAMS stream 0", "COUNT 1 STREAMS stream stream 0 1-1", "BLOCK 5 STREAMS stream $"},
	"xreadgroup":            {"GROUP group other STREAMS stream >", "GROUP group consumer STREAMS stream 0", "GROUP nosuch c STREAMS stream >"},
	"xclaim":                {"stream group other 0 1-1", "stream group other 0 1-1 JUSTID"},
	"xautoclaim":            {"stream group other 0 0"},
	"xrange":                {"stream - +", "stream 1 2", "stream (1-1 + COUNT 1"},
	"xrevrange":             {"stream + -"},
	"zrangebylex":           {"zset - +", "zset [a (c"},
	"zrevrangebylex":        {"zset + -"},
	"zlexcount":             {"zset - +"},
	"zremrangebylex":        {"zset [a [b"},
	"zrange":                {"zset 0 -1 WITHSCORES", "zset (1 +inf BYSCORE LIMIT 0 2", "zset - + BYLEX", "zset 0 -1 REV"},
	"zadd":                  {"zset NX GT 1 a", "zset XX CH 9 a 9 b", "zset INCR 1.25 a", "new 1 a 2 b"},
	"zunion":                {"2 zset zset2 WEIGHTS 2 3 AGGREGATE MAX WITHSCORES"},
	"sort":                  {"list ALPHA", "ints DESC", "list BY nosort", "list ALPHA STORE destination"},
	"sort_ro":               {"list ALPHA"},
	"set":                   {"string v EX 100 NX", "new v PX 100000 NX GET", "string v KEEPTTL XX", "string v EX 0", "string v NX XX"},
	"getex":                 {"string EX 100", "string PERSIST"},
	"bitfield":              {"bits SET u8 0 255 GET u4 0 INCRBY i5 3 1", "bits OVERFLOW SAT INCRBY u2 0 3"},
	"bitop":                 {"AND destination string bits", "NOT destination bits"},
	"lpos":                  {"list b", "list b RANK -1 COUNT 0"},
	"geosearch":             {"geo FROMMEMBER Palermo BYRADIUS 200 km ASC WITHDIST", "geo FROMLONLAT 15 37 BYBOX 400 400 km WITHCOORD"},
	"geosearchstore":        {"destination geo FROMLONLAT 15 37 BYRADIUS 200 km ASC"},
	"geodist":               {"geo Palermo Catania km"},
	"geohash":               {"geo Palermo Catania nosuch"},
	"geopos":                {"geo Palermo nosuch"},
	"georadius":             {"geo 15 37 200 km WITHDIST WITHCOORD ASC"},
	"georadius_ro":          {"geo 15 37 200 km"},
	"lcs":                   {"string string", "string number LEN", "string string IDX MINMATCHLEN 2 WITHMATCHLEN"},
	"object|encoding":       {"string", "list", "zset", "missing"},
	"object|refcount":       {"string"},
	"copy":                  {"string new", "string number REPLACE", "string new DB 1"},
	"rename":                {"string new", "missing new"},
	"smove":                 {"set set2 a"},
	"lmove":                 {"list list LEFT RIGHT"},
	"blmove":                {"list list LEFT RIGHT 0.01", "missing list LEFT RIGHT 0.01"},
	"blpop":                 {"list 0.01", "missing 0.01", "missing list 1", "missing -1", "missing x"},
	"blmpop":                {"0.01 2 missing list LEFT COUNT 2", "0.01 1 missing RIGHT"},
	"bzpopmin":              {"zset 0.01", "missing 0.01"},
	"bzmpop":                {"0.01 1 zset MIN COUNT 2"},
	"brpoplpush":            {"list destination 0.01"},
	"lmpop":                 {"1 list LEFT COUNT 2"},
	"zmpop":                 {"1 zset MAX"},
	"config|set":            {"maxmemory 0", "slowlog-max-len 128 hash-max-listpack-entries 100", "nosuch 1"},
	"config|get":            {"maxmemory", "slowlog*", "nosuch", "maxmemory hz"},
	"client|setname":        {"me", "with\x20space", "x"},
	"client|setinfo":        {"LIB-NAME lib", "LIB-VER 1.2", "NOSUCH x"},
	"client|tracking":       {"ON", "OFF", "ON BCAST PREFIX a", "ON OPTIN NOLOOP"},
	"client|no-evict":       {"on", "off", "maybe"},
	"client|no-touch":       {"on", "off"},
	"hello":                 {"2", "3", "4", "3 SETNAME me", "2 AUTH default wrong", "x"},
	"auth":                  {"x", "default x", "nosuch x"},
	"select":                {"1", "15", "16", "-1", "x"},
	"command|getkeys":       {"GET a", "MSET a 1 b 2", "PING", "NOSUCH a"},
	"command|info":          {"get", "set nosuch", "GET"},
	"ping":                  {"hello"},
	"echo":                  {"hello"},
	"restore":               {"new 0 rubbish"},
	"acl|setuser":           {"someone on >pass ~a* +get", "someone reset", "someone nonsense"},
	"acl|getuser":           {"default", "nosuch"},
	"acl|dryrun":            {"default get a"},
	"info":                  {"server", "keyspace", "nosuch", "everything", "server clients"},
	"expire":                {"string 1000", "string -1", "string 1000 NX", "string 1000 GT LT", "string 9223372036854775807"},
	"hexpire":               {"hash 1000 FIELDS 1 a", "hash 1000 FIELDS 2 a"},
	"subscribe":             {"a b c"},
	"psubscribe":            {"a* b*"},
	"publish":               {"nobody hi"},
	"object|freq":           {"string"},
	"wait":                  {"0 0", "0 10", "1 10"},
	"incrbyfloat":           {"float 0.25", "string 1", "number abc"},
	"setrange":              {"string 6 there", "string -1 x", "string 536870912 x"},
	"append":                {"string !", "new x"},
	"linsert":               {"list BEFORE b x", "list AFTER nosuch x"},
	"lset":                  {"list 0 x", "list 100 x"},
	"mset":                  {"a 1 b 2", "a 1 b"},
	"zinterstore":           {"destination 2 zset zset2 WEIGHTS 1 2"},
	"unwatch":               {""},
	"latency|reset":         {"command"},
	"cluster|keyslot":       {"abc"},
	"script|exists":         {"abc", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"},
	"memory|usage":          {"string", "missing", "list SAMPLES 0"},
	"zrangestore":           {"destination zset 0 1"},
	"zrangebyscore":         {"zset -inf +inf WITHSCORES LIMIT 1 2"},
	"zrevrangebyscore":      {"zset +inf -inf"},
	"zdiffstore":            {"destination 2 zset zset2"},
	"xsetid":                {"stream 9-9"},
	"xgroup|create":         {"stream g2 $", "missing g 0", "missing g 0 MKSTREAM"},
	"xgroup|setid":          {"stream group 0"},
	"xgroup|createconsumer": {"stream group new"},
	"xgroup|delconsumer":    {"stream group consumer"},
	"xinfo|consumers":       {"stream group"},
	"xinfo|stream":          {"stream", "stream FULL"},
	"xpending":              {"stream group", "stream group - + 10", "stream nosuch"},
	"xack":                  {"stream group 1-1"},
	"xdel":                  {"stream 1-1"},
	"xtrim":                 {"stream MAXLEN 1", "stream MINID 2"},
	"sintercard":            {"2 set set2 LIMIT 1"},
	"smismember":            {"set a x"},
	"getrange":              {"string 0 4"},
	"getbit":                {"bits 7"},
	"setbit":                {"bits 7 0"},
	"bitpos":                {"bits 1"},
	"swapdb":                {"0 1"},
	"move":                  {"string 1"},
	"scan":                  {"0 COUNT 1000", "0 MATCH s* COUNT 1000", "0 TYPE zset COUNT 1000"},
}
