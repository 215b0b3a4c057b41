-- MSETEX: sets several keys, with one expiry for all; with NX only if none of them exists, with XX only if all do.
-- Bound: as many keys as the call names, at most 100,000.
-- Checked before the first write: the condition, and the rights for each key.
-- ARGV: 1 number of keys, 2 the same, the values, and then which of NX and XX, '', which of EX, PX, EXAT, PXAT, KEEPTTL and its
-- value.

-- include reply.lua
-- include integer.lua

local CHUNK = 1000 -- keys a call; Lua can hand over less than 8,000
local n = #KEYS
local condition, how, amount = ARGV[3 + n], ARGV[5 + n], ARGV[6 + n]
if n > 100000 then return redis.error_reply('LIMIT MSETEX takes at most 100000 keys; nothing was set') end

if condition ~= '0' then
  local there = 0
  for i = 1, n, CHUNK do
    local some = redis.pcall('EXISTS', unpack(KEYS, i, math.min(i + CHUNK - 1, n)))
    if failed(some) then return refused(some, 'exists') end
    there = there + some
  end
  if condition == '1' and there > 0 or condition == '2' and there < n then return 0 end
end

-- Before 7.0 SET may not know EXAT and PXAT.
local later = not redis.acl_check_cmd and (how == '3' or how == '4')
if later then
  local at = integer(amount)
  if at and how == '3' then at = at * 1000 end
  if not at or at < 1 or at > 9007199254740991 then return too_large() end
  amount = digits(at)
end
for i = 1, n do
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('SET', KEYS[i], '') then return denied('set') end
  else
    -- The server looks at its memory before a script's first call of a command that writes, and not again: so SET is the
    -- first that is tried.
    local tried = redis.pcall('SET', KEYS[i], '', 'NX', 'XX')
    if forbidden(tried) then return denied('set') end
    if failed(tried) and string.find(tried.err, '-OOM ', 1, true) then return refused(tried, 'set') end
    if later and forbidden(redis.pcall('PEXPIREAT', KEYS[i], 'x')) then return denied('pexpireat') end
  end
end

for i = 1, n do
  local key, value, stored = KEYS[i], ARGV[2 + i], nil
  if how == '0' or later then stored = redis.pcall('SET', key, value)
  elseif how == '1' then stored = redis.pcall('SET', key, value, 'EX', amount)
  elseif how == '2' then stored = redis.pcall('SET', key, value, 'PX', amount)
  elseif how == '3' then stored = redis.pcall('SET', key, value, 'EXAT', amount)
  elseif how == '4' then stored = redis.pcall('SET', key, value, 'PXAT', amount)
  else stored = redis.pcall('SET', key, value, 'KEEPTTL') end
  -- Only the first call can fail: what refuses it refuses before anything was set.
  if failed(stored) then return refused(stored, 'set') end
end
if later then
  for i = 1, n do redis.call('PEXPIREAT', KEYS[i], amount) end
end
return 1
