-- LOCK: takes a lock for a time, or refreshes it if the same token has it.
-- Bound: at most three reads and two writes.
-- Checked before the first write: that the lock is free or the token's own, that the fence's key holds an integer below 2^53
-- that is not negative, and the right to both keys.
-- ARGV: 1 token, 2 milliseconds, 3 FENCE (its key is the second).

-- include reply.lua
-- include integer.lua
-- include lock.lua

local fenced = ARGV[3] == '1'
if fenced and KEYS[1] == KEYS[2] then
  return redis.error_reply('ERR a lock and its fence must be two keys')
end
local held = redis.pcall('GET', KEYS[1])
if failed(held) then return refused(held, 'get') end
local fence = fence_of(held, ARGV[1])
if held and not fence then
  local left = redis.pcall('PTTL', KEYS[1])
  if failed(left) then return refused(left, 'pttl') end
  return {0, -1, left}
end

-- A lock that is refreshed keeps its fence. Whoever took it without one and now asks for one gets one.
local count = fenced and (fence or 0) == 0
fence = fence or 0
if count then
  local last = redis.pcall('GET', KEYS[2])
  if failed(last) then return refused(last, 'get') end
  local n, beyond = integer(last or '0')
  if beyond or n == 9007199254740991 then return too_large() end
  if not n then return redis.error_reply('ERR value is not an integer or out of range') end
  if n < 0 then return redis.error_reply('ERR value is out of range, must be positive') end
  fence = n + 1
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('SET', KEYS[1], '') then return denied('set') end
    if not redis.acl_check_cmd('SET', KEYS[2], '') then return denied('set') end
  else
    if forbidden(redis.pcall('SET', KEYS[1], '', 'NX', 'XX')) then return denied('set') end
    if forbidden(redis.pcall('SET', KEYS[2], '', 'NX', 'XX')) then return denied('set') end
  end
  -- SET and not INCR: a fence that expired would begin again, so whatever expiry its key has goes.
  local done = redis.pcall('SET', KEYS[2], digits(fence))
  if failed(done) then return refused(done, 'set') end
  redis.call('SET', KEYS[1], digits(fence) .. ':' .. ARGV[1], 'PX', ARGV[2])
else
  local done = redis.pcall('SET', KEYS[1], digits(fence) .. ':' .. ARGV[1], 'PX', ARGV[2])
  if failed(done) then return refused(done, 'set') end
end
return {1, fence, tonumber(ARGV[2])}
