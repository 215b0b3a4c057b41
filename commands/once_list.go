package commands

import (
	"strconv"
	"strings"
)

// onceNative is a write command of the servers' own that ONCE takes: the script can foresee its reply and give it again.
type onceNative struct {
	arity             int
	first, last, step int  // keys, as COMMAND has them
	keynum            int  // index of the argument that counts the keys behind it; 0: none
	frees             bool // runs when memory is full
	guard             string
	shape             string
	blanks            []string // pairs, for the guard's text
}

// The lists are lines of: name, arity, first, last, step. A keynum follows as "n=INDEX".

// onceFrees are those that servers run although memory is full.
const onceFrees = `
del -2 1 -1 1
unlink -2 1 -1 1
expire -3 1 1 1
expireat -3 1 1 1
pexpire -3 1 1 1
pexpireat -3 1 1 1
persist 2 1 1 1
rename 3 1 2 1
renamenx 3 1 2 1
move 3 1 1 1
hdel -3 1 1 1
hexpire -6 1 1 1
hexpireat -6 1 1 1
hpexpire -6 1 1 1
hpexpireat -6 1 1 1
hpersist -5 1 1 1
lrem 4 1 1 1
ltrim 4 1 1 1
smove 4 1 2 1
srem -3 1 1 1
xack -4 1 1 1
xdel -3 1 1 1
xdelex -5 1 1 1
xackdel -6 1 1 1
xtrim -4 1 1 1
zrem -3 1 1 1
zremrangebylex 4 1 1 1
zremrangebyrank 4 1 1 1
zremrangebyscore 4 1 1 1
delex -2 1 1 1
delifeq 3 1 1 1`

// onceGrows are the others whose replies are short: counts, ids, OK.
const onceGrows = `
append 3 1 1 1
bitop -4 2 -1 1
copy -3 1 2 1
geoadd -5 1 1 1
geosearchstore -8 1 2 1
hincrbyfloat 4 1 1 1
hmset -4 1 1 1
hset -4 1 1 1
hsetex -6 1 1 1
hsetnx 4 1 1 1
incrbyfloat 3 1 1 1
increx -2 1 1 1
linsert 5 1 1 1
lpush -3 1 1 1
lpushx -3 1 1 1
lset 4 1 1 1
mset -3 1 -1 2
msetnx -3 1 -1 2
pfadd -2 1 1 1
pfmerge -2 1 -1 1
psetex 4 1 1 1
restore -4 1 1 1
rpush -3 1 1 1
rpushx -3 1 1 1
sadd -3 1 1 1
sdiffstore -3 1 -1 1
set -3 1 1 1
setbit 4 1 1 1
setex 4 1 1 1
setnx 3 1 1 1
setrange 4 1 1 1
sinterstore -3 1 -1 1
sunionstore -3 1 -1 1
xadd -5 1 1 1
xsetid -3 1 1 1
zdiffstore -4 1 1 1 n=2
zinterstore -4 1 1 1 n=2
zrangestore -5 1 2 1
zunionstore -4 1 1 1 n=2`

// onceSpecial are those whose replies need a look before, or are scores: a guard, a shape, and what fills the guard's text.
const onceSpecial = `
decr 2 1 1 1 counter plain GET=GET get=get field= by='1' sum=now-by
decrby 3 1 1 1 counter plain GET=GET get=get field= by=ARGV[4] sum=now-by
getdel 2 1 1 1 string plain
getex -2 1 1 1 string plain
getset 3 1 1 1 string plain
hincrby 4 1 1 1 counter plain GET=HGET get=hget field=,ARGV[4] by=ARGV[5] sum=now+by
incr 2 1 1 1 counter plain GET=GET get=get field= by='1' sum=now+by
incrby 3 1 1 1 counter plain GET=GET get=get field= by=ARGV[4] sum=now+by
lmove 5 1 2 1 list plain index=string.upper(ARGV[4])=='LEFT'and'0'or'-1'
lpop 2 1 1 1 list plain index='0'
rpop 2 1 1 1 list plain index='-1'
rpoplpush 3 1 2 1 list plain index='-1'
zadd -4 1 1 1 none double
zincrby 4 1 1 1 none double
zpopmax -2 1 1 1 zset scores ZRANGE=ZREVRANGE zrange=zrevrange
zpopmin -2 1 1 1 zset scores ZRANGE=ZRANGE zrange=zrange`

// onceSetGet is SET with GET: its reply is the value that was there.
const onceSetGet = "set get"

// onceNatives reads the lists.
func onceNatives() map[string]*onceNative {
	m := map[string]*onceNative{}
	read := func(lines string, frees bool) {
		for line := range strings.Lines(strings.TrimSpace(lines)) {
			f := strings.Fields(line)
			n := &onceNative{frees: frees, guard: "none", shape: "plain"}
			for i, p := range []*int{&n.arity, &n.first, &n.last, &n.step} {
				v, err := strconv.Atoi(f[i+1])
				if err != nil {
					panic("commands: ONCE's list: " + line)
				}
				*p = v
			}
			for i, more := range f[5:] {
				name, text, blank := strings.Cut(more, "=")
				switch {
				case blank && name == "n":
					n.keynum = int(text[0] - '0')
				case blank:
					n.blanks = append(n.blanks, "--[["+name+"]]", text)
				case i == 0:
					n.guard = name
				default:
					n.shape = name
				}
			}
			m[f[0]] = n
		}
	}
	read(onceFrees, true)
	read(onceGrows, false)
	read(onceSpecial, false)
	get := *m["set"]
	get.guard = "string"
	m[onceSetGet] = &get
	return m
}

// readsOnly are commands that users might put behind ONCE in vain.
var readsOnly = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`bitcount bitfield_ro bitpos dbsize dump echo exists expiretime geodist geohash geopos
		geosearch get getbit getrange hexists hget hgetall hkeys hlen hmget hrandfield hscan hstrlen httl hvals keys lcs lindex llen
		lpos lrange mget object pexpiretime pfcount ping pttl randomkey scan scard sdiff sinter sintercard sismember smembers
		smismember sort_ro srandmember sscan strlen substr sunion time touch ttl type xinfo xlen xpending xrange xread xrevrange
		zcard zcount zdiff zinter zintercard zlexcount zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange
		zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion exget`) {
		m[name] = true
	}
	return m
}()

// onceWhyNot says why ONCE does not take a command that writes, for those that users might expect.
var onceWhyNot = map[string]string{
	"spop":       "which member it removes, and so the size of its reply, is not known before",
	"lmpop":      "a script can't carry its reply",
	"zmpop":      "a script can't carry its reply",
	"bitfield":   "a script can't carry its reply",
	"xreadgroup": "a script can't carry its reply",
	"xclaim":     "a script can't carry its reply",
	"xautoclaim": "a script can't carry its reply",
	"purge":      "it has no first key, and a repeat of it is safe as it is",
	"once":       "it is one",
}

// keys returns which of the arguments, args[0] being the name, are keys. False: the count of keys in them is no good.
func (n *onceNative) isKey(args [][]byte) (func(i int) bool, bool) {
	last := n.last
	if last < 0 {
		last += len(args)
	}
	from, to := 0, 0
	if n.keynum > 0 {
		if n.keynum >= len(args) {
			return nil, false
		}
		count, ok := parseInt(args[n.keynum])
		if !ok || count < 1 || count > int64(len(args)-n.keynum-1) {
			return nil, false
		}
		from, to = n.keynum+1, n.keynum+int(count)
	}
	return func(i int) bool {
		return i >= n.first && i <= last && (i-n.first)%n.step == 0 || from > 0 && i >= from && i <= to
	}, true
}
