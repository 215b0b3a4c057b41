-- HCAS: sets a hash's field, and more fields with it, if the field has the value that is expected.
-- Bound: one read, one write of at most 1,001 fields.
-- Checked before the write: the number of fields, and that the key is a hash whose field has that value.
-- ARGV: 1 field, 2 expected value, 3 new value, 4 how many more fields, then each and its value.

-- include reply.lua

local more = tonumber(ARGV[4])
if more > 1000 then
  return redis.error_reply('LIMIT HCAS sets at most 1000 fields beside the one that it compares; nothing was changed')
end
local was = redis.pcall('HGET', KEYS[1], ARGV[1])
if failed(was) then return refused(was, 'hget') end
if not was then return -1 end
if was ~= ARGV[2] then return 0 end
local done = redis.pcall('HSET', KEYS[1], ARGV[1], ARGV[3], unpack(ARGV, 5, 4 + 2 * more))
if failed(done) then return refused(done, 'hset') end
return 1
