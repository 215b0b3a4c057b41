-- LEADERBOARD: notes a member's score if it is the member's best, and keeps only the best members.
-- Bound: four reads, two writes; of a board that is too large at most 100 members are removed at a time.
-- Checked before the first write: the key is a sorted set or missing, the score is one, and the user may remove members.
-- KEYS: 1 the board. ARGV: 1 the score, 2 the member, 3 how many members the board keeps.

-- include reply.lua
-- include score.lua

if not score(ARGV[1]) then return redis.error_reply('ERR value is not a valid float') end
local best = redis.pcall('ZSCORE', KEYS[1], ARGV[2])
if failed(best) then return refused(best, 'zscore') end
local size = redis.pcall('ZCARD', KEYS[1])
if failed(size) then return refused(size, 'zcard') end
local before = redis.pcall('ZCOUNT', KEYS[1], ARGV[1], '+inf')
if failed(before) then return refused(before, 'zcount') end

local keep = tonumber(ARGV[3])
if best and tonumber(best) >= tonumber(ARGV[1]) then return false end
if before >= keep then return false end
if not best then size = size + 1 end

local surplus = math.min(size - keep, 100)
if surplus > 0 then
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('ZREMRANGEBYRANK', KEYS[1], '0', '0') then return denied('zremrangebyrank') end
  else -- 6.x: a call that is wrong in any case, but is refused by the ACL first
    if forbidden(redis.pcall('ZREMRANGEBYRANK', KEYS[1], 'x', '0')) then return denied('zremrangebyrank') end
  end
end

local done = redis.pcall('ZADD', KEYS[1], ARGV[1], ARGV[2])
if failed(done) then return refused(done, 'zadd') end
if surplus > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], '0', string.format('%.0f', surplus - 1)) end
return before + 1
