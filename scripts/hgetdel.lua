-- HGETDEL: the values of some fields of a hash, which are deleted.
-- Bound: as many fields as the call names, at most 100,000.
-- Checked before the first write: the key's type, and then, as in Redis, the arguments.
-- ARGV: 1 the word in the place of FIELDS, 2 how many fields are said to follow, 3 how many do, and these.

-- include reply.lua
-- include integer.lua

local CHUNK = 1000 -- fields a call; Lua can hand over less than 8,000
local count = #ARGV - 3
if count > 100000 then return redis.error_reply('LIMIT HGETDEL takes at most 100000 fields; nothing was deleted') end

local values = {}
for i = 1, count, CHUNK do
  local some = redis.pcall('HMGET', KEYS[1], unpack(ARGV, i + 3, math.min(i + CHUNK - 1, count) + 3))
  if failed(some) then return refused(some, 'hmget') end
  for k = 1, #some do values[#values + 1] = some[k] end
end

if string.upper(ARGV[1]) ~= 'FIELDS' then
  return redis.error_reply('ERR Mandatory argument FIELDS is missing or not at the right position')
end
local said, beyond = integer(ARGV[2])
if (said and said < 1) or (not said and not beyond) or string.find(ARGV[2], '-', 1, true) then
  return redis.error_reply('ERR Number of fields must be a positive integer')
end
if said ~= count then
  return redis.error_reply('ERR The `numfields` parameter must match the number of arguments')
end

-- A field that is named again is gone by then.
local seen = {}
for i = 1, count do
  local field = ARGV[i + 3]
  if seen[field] then values[i] = false end
  seen[field] = true
end

for i = 1, count, CHUNK do
  local gone = redis.pcall('HDEL', KEYS[1], unpack(ARGV, i + 3, math.min(i + CHUNK - 1, count) + 3))
  -- Only the first call can fail: what refuses it refuses before anything was deleted.
  if failed(gone) then return refused(gone, 'hdel') end
end
return values
