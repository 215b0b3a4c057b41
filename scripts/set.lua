-- SET with IFEQ or IFNE: sets a string if the value that the key has is, or is not, the one given. IFEQ never creates a key,
-- IFNE does.
-- Bound: one key; O(N) with the lengths of the values.
-- Checked before the first write: the key's type, the condition, and before 7.0 the right to PEXPIREAT where that follows SET.
-- ARGV: 1 value, 2-3 which of IFEQ, IFNE, NX, XX and what to compare with, 4 GET, 5-6 which of EX, PX, EXAT, PXAT, KEEPTTL
-- and its value. NX and XX never get here: beside IFEQ or IFNE they are a syntax error.

-- include reply.lua

local old = redis.pcall('GET', KEYS[1])
if failed(old) then return refused(old, 'get') end
local holds = old == ARGV[3]
if ARGV[2] == '2' then holds = not holds end
if not holds then
  if ARGV[4] == '1' then return old end
  return false
end

local value, how, amount = ARGV[1], ARGV[5], ARGV[6]
-- include store.lua
if ARGV[4] == '1' then return old end
return stored
