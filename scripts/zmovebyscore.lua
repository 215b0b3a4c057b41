-- ZMOVEBYSCORE: moves the members with the lowest scores in a range to another sorted set, or to another score in the same one.
-- Bound: four reads and two writes of at most LIMIT members, LIMIT being at most 1,000.
-- Checked before the first write: that both keys are sorted sets or nothing, that min, max and the new score are scores, and
-- the rights.
-- ARGV: 1 min, 2 max, 3 new score, 4-5 LIMIT.

-- include reply.lua
-- include score.lua

if not score(ARGV[3]) then return redis.error_reply('ERR value is not a valid float') end
local limit = ARGV[4] == '1' and ARGV[5] or '1'
local found = redis.pcall('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', '0', limit)
if failed(found) then return refused(found, 'zrangebyscore') end
-- This asks for the second key's type only, by a command that is needed anyway.
local there = redis.pcall('ZRANGEBYSCORE', KEYS[2], '0', '0', 'LIMIT', '0', '1')
if failed(there) then return refused(there, 'zrangebyscore') end
if #found == 0 then return found end

local entries = {}
for i = 1, #found, 2 do
  entries[#entries + 1] = ARGV[3]
  entries[#entries + 1] = found[i]
end
if KEYS[1] == KEYS[2] then
  local done = redis.pcall('ZADD', KEYS[2], unpack(entries))
  if failed(done) then return refused(done, 'zadd') end
  return found
end

-- They stand one behind the other in the source. So they go by rank: before 7.0 no call asks harmlessly for ZREM's right.
local first = redis.pcall('ZRANK', KEYS[1], found[1])
if failed(first) then return refused(first, 'zrank') end
local last = redis.pcall('ZRANK', KEYS[1], found[#found - 1])
if failed(last) then return refused(last, 'zrank') end
if not first or not last then return {} end -- never: they were found just now
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('ZREMRANGEBYRANK', KEYS[1], '0', '0') then return denied('zremrangebyrank') end
else
  if forbidden(redis.pcall('ZREMRANGEBYRANK', KEYS[1], 'x', '0')) then return denied('zremrangebyrank') end
end
local done = redis.pcall('ZADD', KEYS[2], unpack(entries))
if failed(done) then return refused(done, 'zadd') end
redis.call('ZREMRANGEBYRANK', KEYS[1], first, last)
return found
