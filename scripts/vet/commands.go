package vet

import (
	"maps"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// family is the type of key that a command is about. Any missing key has every family.
type family uint8

const (
	famAny     family = iota // the command takes every type
	famMissing               // nothing is there
	famString
	famHash
	famList
	famSet
	famZset
	famStream
)

var families = map[string]family{"any": famAny, "none": famMissing, "string": famString, "hash": famHash, "list": famList,
	"set": famSet, "zset": famZset, "stream": famStream}

// command is what the vetter knows about one command. Its arguments are spelled, after its name:
//
//	k key  m any bytes  i integer  p integer above 0  f float  b bound of scores  w literal word  n number of the keys behind it
//	W literal word if it is not the first write
//	? the next is optional  ( ) one or more times, to the end  o options, to the end
type command struct {
	name  string
	write bool
	needs family // what its keys must hold, or be missing
	makes family // what they hold after a write, if that is not what they held
	reply byte   // see replyValue
	sure  bool   // it can't fail if its keys' types and arguments are right
	args  string
}

// The list for scripts: name, reply, types, arguments. Types are needed, or needed>made. A "!" means that the command may fail in
// spite of right arguments (a size, an overflow), so that it can only be a script's first write. Commands that are random, block,
// subscribe, administer, or answer what Lua can't carry are not here.
const readCommands = `
GET         bulk    string k
STRLEN      int     string k
GETRANGE    text    string kii
GETBIT      int     string ki
BITCOUNT    int     string ko
MGET        array   any    (k)
HGET        bulk    hash   km
HMGET       array   hash   k(m)
HGETALL     all     hash   k
HKEYS       all     hash   k
HVALS       all     hash   k
HLEN        int     hash   k
HEXISTS     int     hash   km
HSTRLEN     int     hash   km
LLEN        int     list   k
LINDEX      bulk    list   ki
LRANGE      range   list   kii
SCARD       int     set    k
SISMEMBER   int     set    km
SMEMBERS    all     set    k
ZCARD       int     zset   k
ZSCORE      score   zset   km
ZRANK       count   zset   km
ZREVRANK    count   zset   km
ZCOUNT      int     zset   kbb
ZLEXCOUNT   int     zset   kmm
ZRANGE      range   zset   kiio
ZREVRANGE   range   zset   kiio
ZRANGEBYSCORE    limit zset kbbo
ZREVRANGEBYSCORE limit zset kbbo
ZRANGEBYLEX      limit zset kmmo
ZREVRANGEBYLEX   limit zset kmmo
XLEN        int     stream k
XRANGE      limit   stream kmmo
XREVRANGE   limit   stream kmmo
XINFO       nested  stream wko
EXISTS      int     any    (k)
TYPE        status  any    k
TTL         int     any    k
PTTL        int     any    k
OBJECT      any     any    wk
TIME        time    any    -
DBSIZE      int     any    -
INFO        text    any    o
SCAN        scan    any    mo
`

const writeCommands = `
SET         set     any>string    kmo
SETNX       int     any           km
SETEX       status  any>string    kpm
PSETEX      status  any>string    kpm
GETSET      bulk    string        km
GETDEL      bulk    string>none   k
MSET        status  any>string    (km)
MSETNX      int     any           (km)
APPEND      int!    string        km
SETRANGE    int!    string        kim
SETBIT      int!    string        kii
INCR        int!    string        k
DECR        int!    string        k
INCRBY      int!    string        ki
DECRBY      int!    string        ki
INCRBYFLOAT text!   string        kf
HSET        int     hash          k(mm)
HMSET       status  hash          k(mm)
HSETNX      int     hash          kmm
HDEL        int     hash          k(m)
HINCRBY     int!    hash          kmi
HINCRBYFLOAT text!  hash          kmf
LPUSH       int     list          k(m)
RPUSH       int     list          k(m)
LPUSHX      int     list          k(m)
RPUSHX      int     list          k(m)
LPOP        bulk    list          k
RPOP        bulk    list          k
RPOPLPUSH   bulk    list          kk
LMOVE       bulk    list          kkWW
LSET        status! list          kim
LTRIM       status  list          kii
LREM        int     list          kim
LINSERT     int     list          kWmm
SADD        int     set           k(m)
SREM        int     set           k(m)
SMOVE       int     set           kkm
ZADD        zadd    zset          k(fm)
ZREM        int     zset          k(m)
ZINCRBY     text!   zset          kfm
ZPOPMIN     array   zset          k?i
ZPOPMAX     array   zset          k?i
ZREMRANGEBYSCORE int zset         kbb
ZREMRANGEBYRANK  int zset         kii
ZREMRANGEBYLEX   int! zset        kmm
XADD        bulk!   stream        ko
XDEL        int!    stream        k(m)
XTRIM       int!    stream        ko
DEL         int     any>none      (k)
UNLINK      int     any>none      (k)
EXPIRE      int     any           kio
PEXPIRE     int     any           kio
EXPIREAT    int     any           kio
PEXPIREAT   int     any           kio
PERSIST     int     any           k
GETEX       bulk!   string        ko
DELEX       int!    string>none   ko
DELIFEQ     int     string>none   km
INCREX      array!  string        ko
BITOP       int!    any           m(k)
PFADD       int!    string        ko
PFMERGE     status! any           (k)
RENAME      status! any           kk
RENAMENX    int!    any           kk
MOVE        int!    any           ki
COPY        int!    any           kko
RESTORE     status! any           kimo
HSETEX      int!    hash          ko
HEXPIRE     array!  hash          kio
HEXPIREAT   array!  hash          kio
HPEXPIRE    array!  hash          kio
HPEXPIREAT  array!  hash          kio
HPERSIST    array!  hash          ko
SDIFFSTORE  int!    any           (k)
SINTERSTORE int!    any           (k)
SUNIONSTORE int!    any           (k)
ZDIFFSTORE  int!    any           kn
ZINTERSTORE int!    any           kn
ZUNIONSTORE int!    any           kn
ZRANGESTORE int!    any           kkmmo
GEOADD      int!    zset          ko
GEOSEARCHSTORE int! any           kko
XACK        int     stream        km(m)
XACKDEL     array!  stream        ko
XDELEX      array!  stream        ko
XSETID      status! stream        kmo
`

// words are the literal words that a command's "w" may be.
var words = map[string][]string{
	"XINFO": {"STREAM"}, "OBJECT": {"IDLETIME", "FREQ", "ENCODING", "REFCOUNT"},
	"LMOVE": {"LEFT", "RIGHT"}, "LINSERT": {"BEFORE", "AFTER"},
}

var replies = map[string]byte{"bulk": 'b', "text": 't', "int": 'i', "count": 'c', "score": 'f', "status": 's', "array": 'a', "all": '*',
	"range": 'r', "limit": 'l', "nested": 'n', "time": 'T', "scan": 'S', "set": 'Z', "zadd": 'z', "any": '?'}

var commands = readList(readCommands, false, readList(writeCommands, true, map[string]*command{}))

func readList(text string, write bool, into map[string]*command) map[string]*command {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 4 {
			continue
		}
		needs, makes, _ := strings.Cut(f[2], ">")
		reply, unsure := strings.CutSuffix(f[1], "!")
		into[f[0]] = &command{f[0], write, families[needs], families[makes], replies[reply], write && !unsure, strings.Trim(f[3], "-")}
	}
	return into
}

// Commands returns the names of the commands that a script may call: those that read and those that write.
func Commands() (reads, writes []string) {
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		if commands[name].write {
			writes = append(writes, name)
		} else {
			reads = append(reads, name)
		}
	}
	return reads, writes
}

// commandOf is the command that a call names, if it does so as it should.
func commandOf(e *ast.FuncCallExpr) *command {
	if len(e.Args) == 0 {
		return nil
	}
	name, ok := e.Args[0].(*ast.StringExpr)
	if !ok {
		return nil
	}
	return commands[strings.ToUpper(name.Value)]
}

// command applies the rules that need only the call itself. asked is redis.call, redis.pcall or redis.acl_check_cmd.
func (c *checker) command(e *ast.FuncCallExpr, asked string) {
	if len(e.Args) == 0 {
		c.report(e, ruleCommandName, "%s names no command", asked)
		return
	}
	name, ok := e.Args[0].(*ast.StringExpr)
	if !ok {
		c.report(e.Args[0], ruleCommandName, "the command's name is not a literal")
		return
	}
	cmd := commands[strings.ToUpper(name.Value)]
	switch {
	case cmd == nil:
		c.report(name, ruleCommandList, "%q is not on the list for scripts", name.Value)
		return
	case cmd.name == "SCAN" && !c.script.Keyspace:
		c.report(name, ruleCommandList, "SCAN is for scripts that are declared to scan (\"keyspace\": true)")
	case cmd.write && c.script.ReadOnly && asked != "redis.acl_check_cmd":
		c.report(name, ruleReadOnlyWrites, "%s writes, and the script is declared READONLY", cmd.name)
	}
	for i, kind := range strings.Split(cmd.args, "") {
		if kind == "w" {
			c.word(e, cmd, i+1)
		}
	}
}

// word demands a literal where it decides what the command is.
func (c *checker) word(e *ast.FuncCallExpr, cmd *command, i int) {
	if i >= len(e.Args) {
		c.report(e, ruleCommandList, "%s lacks arguments", cmd.name)
		return
	}
	w, ok := e.Args[i].(*ast.StringExpr)
	if !ok {
		c.report(e.Args[i], ruleCommandName, "what %s shall do is not a literal", cmd.name)
	} else if !slices.Contains(words[cmd.name], strings.ToUpper(w.Value)) {
		c.report(w, ruleCommandList, "%s %q is not on the list for scripts", cmd.name, w.Value)
	}
}
