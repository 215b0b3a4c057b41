-- SEM.ACQUIRE: takes or refreshes one of a semaphore's leases, if fewer than LIMIT are running.
-- The key is a sorted set of tokens, each with the time in milliseconds at which its lease ends; the time is the server's.
-- Bound: at most seven reads of O(log N) and three writes; of the leases that have ended at most 100 are removed in a call.
-- They never count.
-- Checked before the first write: that the key is a sorted set, that a lease is free or the token's own, that no time is beyond
-- 2^53, and the rights.
-- ARGV: 1 token, 2 LIMIT, 3 milliseconds.

-- include reply.lua
-- include integer.lua

local token, limit, ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.pcall('TIME')
if failed(time) then return refused(time, 'time') end
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local own = redis.pcall('ZSCORE', KEYS[1], token)
if failed(own) then return refused(own, 'zscore') end
local running = own and tonumber(own) > now
local held = redis.pcall('ZCOUNT', KEYS[1], '(' .. digits(now), '+inf')
if failed(held) then return refused(held, 'zcount') end
if not running and held >= limit then
  local first = redis.pcall('ZRANGEBYSCORE', KEYS[1], '(' .. digits(now), '+inf', 'WITHSCORES', 'LIMIT', '0', '1')
  if failed(first) then return refused(first, 'zrangebyscore') end
  return {0, held, math.min(math.ceil(tonumber(first[2])) - now, 9007199254740991)}
end

if redis.acl_check_cmd then
  if not redis.acl_check_cmd('ZADD', KEYS[1], '0', '') then return denied('zadd') end
  if not redis.acl_check_cmd('ZREMRANGEBYRANK', KEYS[1], '0', '0') then return denied('zremrangebyrank') end
  if not redis.acl_check_cmd('PEXPIREAT', KEYS[1], '1') then return denied('pexpireat') end
else
  local tried = redis.pcall('ZADD', KEYS[1], 'NX', 'XX', '0', '')
  if forbidden(tried) then return denied('zadd') end
  -- Once a call that takes no memory was tried, the server would not refuse ZADD for want of memory.
  if failed(tried) and string.find(tried.err, '-OOM ', 1, true) then return refused(tried, 'zadd') end
  if forbidden(redis.pcall('ZREMRANGEBYRANK', KEYS[1], 'x', '0')) then return denied('zremrangebyrank') end
  if forbidden(redis.pcall('PEXPIREAT', KEYS[1], 'x')) then return denied('pexpireat') end
end

-- The key ends with the last of its leases, the token's own left aside.
local latest = redis.pcall('ZREVRANGE', KEYS[1], '0', '1', 'WITHSCORES')
if failed(latest) then return refused(latest, 'zrevrange') end
local other = latest[2]
if latest[1] == token then other = latest[4] end
local last = math.max(now + ms, math.ceil(tonumber(other or '0')))
if not (last >= 0 and last <= 9007199254740991) then return too_large() end

-- What has ended stands first. If the token's own lease is among it, it moves from there before the others are removed.
local ended = redis.pcall('ZCOUNT', KEYS[1], '-inf', digits(now))
if failed(ended) then return refused(ended, 'zcount') end
if own and not running then ended = ended - 1 end
ended = math.min(ended, 100)

local done = redis.pcall('ZADD', KEYS[1], digits(now + ms), token)
if failed(done) then return refused(done, 'zadd') end
if ended > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], '0', digits(ended - 1)) end
redis.call('PEXPIREAT', KEYS[1], digits(last))
return {1, running and held or held + 1, ms}
