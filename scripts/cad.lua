-- CAD: deletes a string if its value is the one given.
-- Bound: one key; O(N) with the length of the value.
-- Checked before the first write: the key's type, and the value.
-- ARGV: 1 the value to compare with.

-- include reply.lua

local old = redis.pcall('GET', KEYS[1])
if failed(old) then return refused(old, 'get') end
if not old then return -1 end
if old ~= ARGV[1] then return 0 end
local gone = redis.pcall('DEL', KEYS[1])
if failed(gone) then return refused(gone, 'del') end
return gone
