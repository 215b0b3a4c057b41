package commands

import "strings"

// The list was made from COMMAND and COMMAND DOCS of Redis 6.0, 7.0 and 8.0 and Valkey 8.0, 8.1 and 9.1, and from the
// documentation of the commands that Redis 8.2 to 8.10 and Valkey 9.2 added. Flags alone can't tell what leaves state behind, so
// each name was judged by what it does. Modules' commands are not here, except for vector sets, which Redis 8 ships, and those
// that the catalogue supplies where they are lacking (redis-cell's and Tair's).

// shared leave nothing on the connection.
const shared = `
append bitcount bitfield bitfield_ro bitop bitpos decr decrby delex delifeq digest get getbit getdel getex getrange getset
incr incrby incrbyfloat increx lcs mget mset msetex msetnx psetex set setbit setex setnx setrange stralgo strlen substr
copy del dump exists expire expireat expiretime keys migrate move persist pexpire pexpireat pexpiretime pttl randomkey
rename renamenx restore restore-asking sort sort_ro touch ttl type unlink
hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget hmset hpersist
hpexpire hpexpireat hpexpiretime hpttl hrandfield hset hsetex hsetnx hstrlen httl hvals
lindex linsert llen lmove lmovem lmpop lpop lpos lpush lpushx lrange lrem lset ltrim rpop rpoplpush rpush rpushx
sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop srandmember srem sunion
sunionstore
zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember
zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange
zrevrangebylex zrevrangebyscore zrevrank zscore zunion zunionstore
xack xackdel xadd xautoclaim xcfgset xclaim xdel xdelex xlen xnack xpending xrange xrevrange xsetid xtrim
geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore
pfadd pfcount pfdebug pfmerge pfselftest
vadd vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vrem vsetattr vsim
cas cad cl.throttle exset exget excas excad
publish spublish
bgrewriteaof bgsave dbsize echo flushall flushdb info lastsave lolwut ping replicaof role save slaveof swapdb time`

const (
	whyLua   = "scripts sent by clients are not run through this proxy: use a command of the catalogue, or let the operator set raw_lua"
	whySync  = "replication does not pass through this proxy: connect the replica to the server itself"
	whyAsk   = "ASKING is a cluster client's and this proxy follows redirections itself: send the command without it"
	oldMaint = "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."
)

// reviewed builds the list once, at start.
func reviewed() []*Command {
	var l []*Command
	add := func(h Handling, op Op, names string) {
		for _, n := range strings.Fields(names) {
			l = append(l, &Command{Name: n, Handling: h, Op: op, Why: why(h, n)})
		}
	}
	add(Share, OpNone, shared)
	add(Share, OpScan, "scan hscan sscan zscan clusterscan")

	add(Pin, OpMulti, "multi")
	add(Pin, OpExec, "exec")
	add(Pin, OpDiscard, "discard")
	add(Pin, OpWatch, "watch")
	add(Pin, OpUnwatch, "unwatch")
	add(Pin, OpSelect, "select")
	add(Pin, OpAuth, "auth")
	add(Pin, OpHello, "hello")
	add(Pin, OpReset, "reset")
	add(Pin, OpOvertake, "shutdown failover")

	add(Block, OpNone, "blmove blmovem blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin")
	add(Block, OpBlockOption, "xread xreadgroup")
	add(Block, OpWait, "wait waitaof")

	add(Keep, OpSubscribe, "subscribe psubscribe ssubscribe unsubscribe punsubscribe sunsubscribe")
	add(Keep, OpMonitor, "monitor")
	// DEBUG PROTOCOL push puts a push, and so a reply too many, on the stream.
	add(Keep, OpNone, "readonly readwrite himport debug")

	add(Refuse, OpNone, "sync psync replconf asking")
	add(Script, OpNone, "eval evalsha eval_ro evalsha_ro fcall fcall_ro")
	add(Close, OpNone, "post host:")
	add(Local, OpQuit, "quit")
	return append(l, containers()...)
}

// why is the way out that a refusal names.
func why(h Handling, name string) string {
	switch {
	case h == Script:
		return whyLua
	case h == Refuse && name == "asking":
		return whyAsk
	case h == Refuse:
		return whySync
	}
	return ""
}

// containers are the commands whose first argument says what they are.
func containers() []*Command {
	client := container("client", Keep, "list help")
	client.sub(Pin, OpClientSetName, "setname")
	client.sub(Pin, OpClientGetName, "getname")
	client.sub(Pin, OpClientSetInfo, "setinfo")
	client.sub(Pin, OpClientID, "id")
	client.sub(Pin, OpOvertake, "kill pause unpause unblock")
	client.sub(Keep, OpClientReply, "reply")
	client.sub(Keep, OpNone, "caching capa getredir import-source info no-evict no-touch tracking trackinginfo")
	client.sub(Refuse, OpNone, "maint_notifications")
	client.Subs["maint_notifications"].Reply = oldMaint

	script := container("script", Script, "exists help show")
	script.sub(Pin, OpOvertake, "kill")
	script.sub(Script, OpNone, "load flush debug")

	function := container("function", Script, "dump help list stats")
	function.sub(Pin, OpOvertake, "kill")
	function.sub(Script, OpNone, "delete flush load restore")

	// A node that imports slots becomes a replica of the connection that sends SYNCSLOTS.
	cluster := container("cluster", Keep, `addslots addslotsrange bumpepoch cancelslotmigrations count-failure-reports
		countkeysinslot delslots delslotsrange failover flushslot flushslots forget getkeysinslot getslotmigrations help info
		keyslot links meet migrateslots migration myid myshardid nodes replicas replicate reset saveconfig set-config-epoch
		setslot shards slaves slot-stats slots`)
	cluster.sub(Refuse, OpNone, "syncslots")

	return []*Command{client, script, function, cluster,
		container("acl", Keep, "cat deluser dryrun genpass getuser help list load log save setuser users whoami"),
		container("command", Keep, "count docs getkeys getkeysandflags help info list"),
		container("commandlog", Keep, "get help len reset"),
		container("config", Keep, "get help resetstat rewrite set"),
		container("latency", Keep, "doctor graph help histogram history latest reset"),
		container("memory", Keep, "doctor help malloc-stats purge stats usage"),
		container("module", Keep, "help list load loadex unload"),
		container("object", Keep, "encoding freq help idletime refcount"),
		container("pubsub", Keep, "channels help numpat numsub shardchannels shardnumsub"),
		container("slowlog", Keep, "get help len reset"),
		container("xgroup", Keep, "create createconsumer delconsumer destroy help setid"),
		container("xinfo", Keep, "consumers groups help stream"),
	}
}

// container makes a command with subcommands: those of share are Share, unknown ones are as other says.
func container(name string, other Handling, share string) *Command {
	c := &Command{Name: name, Handling: Share, Subs: map[string]*Command{}}
	c.other = &Command{Name: name, Handling: other, Why: why(other, name)}
	c.sub(Share, OpNone, share)
	return c
}

func (c *Command) sub(h Handling, op Op, names string) {
	for _, n := range strings.Fields(names) {
		if c.Subs[n] != nil {
			panic("commands: listed twice: " + c.Name + "|" + n)
		}
		c.Subs[n] = &Command{Name: c.Name + "|" + n, Handling: h, Op: op, Why: why(h, n)}
	}
}
