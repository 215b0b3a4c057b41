-- DELEX: deletes a key; with IFEQ or IFNE a string, if its value is, or is not, the one given.
-- Bound: one key; O(N) with the length of the value.
-- Checked before the first write: with a condition the key's type, and the value.
-- ARGV: 1-2 which of IFEQ and IFNE it was and what to compare with; 0: neither.

-- include reply.lua

if ARGV[1] ~= '0' then
  local old = redis.pcall('GET', KEYS[1])
  if failed(old) then
    if string.find(old.err, 'WRONGTYPE', 1, true) then
      return redis.error_reply('ERR Key should be of string type if conditions are specified')
    end
    return refused(old, 'get')
  end
  if not old then return 0 end
  if ARGV[1] == '1' and old ~= ARGV[2] then return 0 end
  if ARGV[1] == '2' and old == ARGV[2] then return 0 end
end
local gone = redis.pcall('DEL', KEYS[1])
if failed(gone) then return refused(gone, 'del') end
return gone
