-- UNLOCK: gives a lock back if it is the token's.
-- Bound: one read, one write.
-- Checked before the write: that the lock is the token's.
-- ARGV: 1 token.

-- include reply.lua
-- include integer.lua
-- include lock.lua

local held = redis.pcall('GET', KEYS[1])
if failed(held) then return refused(held, 'get') end
if not held then return -1 end
if not fence_of(held, ARGV[1]) then return 0 end
local gone = redis.pcall('DEL', KEYS[1])
if failed(gone) then return refused(gone, 'del') end
return gone
