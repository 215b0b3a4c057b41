-- ZPOPBYSCORE: removes and returns the members with the lowest scores in a range.
-- Bound: one read and one write of at most LIMIT members, LIMIT being at most 1,000.
-- Checked before the write: that the key is a sorted set and that min and max are scores.
-- ARGV: 1 min, 2 max, 3-4 LIMIT.

-- include reply.lua

local limit = ARGV[3] == '1' and ARGV[4] or '1'
local found = redis.pcall('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', '0', limit)
if failed(found) then return refused(found, 'zrangebyscore') end
if #found == 0 then return found end
local members = {}
for i = 1, #found, 2 do
  members[#members + 1] = found[i]
end
local gone = redis.pcall('ZREM', KEYS[1], unpack(members))
if failed(gone) then return refused(gone, 'zrem') end
return found
