-- SEM.RELEASE: gives a semaphore's lease back. See sem.acquire.lua for the key's form.
-- Bound: three reads of O(log N), two writes.
-- Checked before the first write: that the key is a sorted set, that the token's lease is running, and the rights.
-- ARGV: 1 token.

-- include reply.lua
-- include integer.lua

local token = ARGV[1]
local time = redis.pcall('TIME')
if failed(time) then return refused(time, 'time') end
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local own = redis.pcall('ZSCORE', KEYS[1], token)
if failed(own) then return refused(own, 'zscore') end
if not own or tonumber(own) <= now then return 0 end

-- If the lease that goes is the last to end, the key ends with the one before it.
local latest = redis.pcall('ZREVRANGE', KEYS[1], '0', '1', 'WITHSCORES')
if failed(latest) then return refused(latest, 'zrevrange') end
local last = 0
if latest[1] == token then last = math.ceil(tonumber(latest[4] or '0')) end
if not (last >= 0 and last <= 9007199254740991) then last = 0 end

if redis.acl_check_cmd then
  if not redis.acl_check_cmd('PEXPIREAT', KEYS[1], '1') then return denied('pexpireat') end
else
  if forbidden(redis.pcall('PEXPIREAT', KEYS[1], 'x')) then return denied('pexpireat') end
end
local done = redis.pcall('ZREM', KEYS[1], token)
if failed(done) then return refused(done, 'zrem') end
if last > 0 then redis.call('PEXPIREAT', KEYS[1], digits(last)) end
return done
