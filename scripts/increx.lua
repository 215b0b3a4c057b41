-- INCREX: adds to a counter within bounds, and sets when it expires.
-- Bound: one key; O(1).
-- Checked before the first write: the arguments, the key's type, that its value and the sum are integers that Lua's numbers
-- hold exactly, and before 7.0 the right to PEXPIREAT where that follows SET.
-- ARGV: 1-2 BYINT, 3-4 LBOUND, 5-6 UBOUND, 7 SATURATE, 8-9 which of EX, PX, EXAT, PXAT, PERSIST and its value, 10 ENX.
-- An optional one is '1' and its value or '0' and ''.

-- include reply.lua
-- include integer.lua

local by, lower, upper = 1, -9007199254740991, 9007199254740991
local bounded_below, bounded_above = ARGV[3] == '1', ARGV[5] == '1'
if ARGV[1] == '1' then by = tonumber(ARGV[2]) end
if bounded_below then lower = tonumber(ARGV[4]) end
if bounded_above then upper = tonumber(ARGV[6]) end
if lower > upper then return redis.error_reply("ERR LBOUND can't be greater than UBOUND") end

local text = redis.pcall('GET', KEYS[1])
if failed(text) then return refused(text, 'get') end
local old, why = 0, nil
if text then
  old, why = integer(text)
  if why then return too_large() end
  if not old then return redis.error_reply('ERR value is not an integer or out of range') end
end

-- The sum of two numbers of 53 bits may be rounded, but never across a bound.
local new = old + by
if new > upper then
  if not bounded_above then return too_large() end
  if ARGV[7] == '0' then return {old, 0} end
  new = upper
elseif new < lower then
  if not bounded_below then return too_large() end
  if ARGV[7] == '0' then return {old, 0} end
  new = lower
end
local applied = new - old
if applied > 9007199254740991 or applied < -9007199254740991 then return too_large() end

-- Without an expiry option the key keeps the one it has, and with ENX too; PERSIST removes it.
local value, how, amount = digits(new), ARGV[8], ARGV[9]
if how == '0' then how = '5'
elseif how == '5' then how = '0'
elseif ARGV[10] == '1' then
  local left = redis.pcall('PTTL', KEYS[1])
  if failed(left) then return refused(left, 'pttl') end
  if left >= 0 then how = '5' end
end
-- include store.lua
return {new, applied}
