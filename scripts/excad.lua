-- EXCAD: deletes a versioned value if its version is the one given.
-- Bound: one read or two, one write.
-- Checked before the write: that the key holds a versioned value, and its version.
-- ARGV: 1 expected version.

-- include reply.lua
-- include integer.lua
-- include versioned.lua

if not version then return -1 end
if version ~= tonumber(ARGV[1]) then return 0 end
local gone = redis.pcall('DEL', KEYS[1])
if failed(gone) then return refused(gone, 'del') end
return gone
