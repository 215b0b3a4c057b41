-- CAS: sets a string if the value that the key has is the one given.
-- Bound: one key; O(N) with the lengths of the values.
-- Checked before the first write: the key's type, the value, and before 7.0 the right to PEXPIREAT where that follows SET.
-- ARGV: 1 the value to compare with, 2 the new one, 3-4 which of EX, PX, EXAT, PXAT, KEEPTTL and its value.

-- include reply.lua

local old = redis.pcall('GET', KEYS[1])
if failed(old) then return refused(old, 'get') end
if not old then return -1 end
if old ~= ARGV[1] then return 0 end

local value, how, amount = ARGV[2], ARGV[3], ARGV[4]
-- include store.lua
return 1
