-- EXCAS: sets a versioned value if its version is the one given; else tells the value and the version that there are.
-- Bound: one read or two, two writes.
-- Checked before the first write: that the key holds a versioned value, its version, that the new version and the expiry are
-- within 2^53, and the rights.
-- ARGV: 1 new value, 2 expected version, 3-4 which of EX, PX, EXAT, PXAT and KEEPTTL and its number.

-- include reply.lua
-- include integer.lua
-- include versioned.lua

if not version then return -1 end
if version ~= tonumber(ARGV[2]) then
  return {redis.status_reply('CAS_FAILED'), value, version}
end

local new, lifetime, amount = ARGV[1], ARGV[3], ARGV[4]
local after = version + 1

-- include versioned-write.lua
return {redis.status_reply('OK'), redis.status_reply(''), after}
