-- EXSET: sets a versioned value. Its version becomes 1, or one more than it was, or what ABS says.
-- Bound: one read or two, two writes.
-- Checked before the first write: that the key holds a versioned value or nothing, NX and XX, the version, that the new
-- version and the expiry are within 2^53, and the rights.
-- ARGV: 1 value, 2-3 which of EX, PX, EXAT, PXAT and KEEPTTL and its number, 4-5 which of NX and XX, 6-7 which of VER and ABS
-- and its number.

-- include reply.lua
-- include integer.lua
-- include versioned.lua

if (ARGV[4] == '1' and version) or (ARGV[4] == '2' and not version) then return false end
local given = ARGV[6] ~= '0' and tonumber(ARGV[7]) or 0
-- Version 0 asks for no comparison, and nothing is compared with a key that is not there.
if ARGV[6] == '1' and version and given ~= 0 and given ~= version then
  return redis.error_reply('ERR update version is stale')
end

local new, lifetime, amount = ARGV[1], ARGV[2], ARGV[3]
local after = (version or 0) + 1
if ARGV[6] == '2' then after = given end

-- include versioned-write.lua
return redis.status_reply('OK')
