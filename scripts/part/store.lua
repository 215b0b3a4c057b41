-- The write of SET, CAS and INCREX: KEYS[1] becomes value. how says what becomes of its expiry: '1' to '4' are EX, PX, EXAT and
-- PXAT with amount, '5' is KEEPTTL, '0' removes it. Leaves SET's reply in stored.
local stored
if (how == '3' or how == '4') and not redis.acl_check_cmd then
  -- Before 7.0 SET may not know EXAT and PXAT. There a server looks at its memory before a script's first call of a command
  -- that writes, and not again, even if that call does nothing: so SET is the first that is tried.
  local tried = redis.pcall('SET', KEYS[1], '', 'NX', 'XX')
  if forbidden(tried) then return denied('set') end
  if failed(tried) and string.find(tried.err, '-OOM ', 1, true) then return refused(tried, 'set') end
  if forbidden(redis.pcall('PEXPIREAT', KEYS[1], 'x')) then return denied('pexpireat') end
  stored = redis.pcall('SET', KEYS[1], value)
  if failed(stored) then return refused(stored, 'set') end
  if how == '3' then amount = amount .. '000' end
  redis.call('PEXPIREAT', KEYS[1], amount)
else
  if how == '1' then stored = redis.pcall('SET', KEYS[1], value, 'EX', amount)
  elseif how == '2' then stored = redis.pcall('SET', KEYS[1], value, 'PX', amount)
  elseif how == '3' then stored = redis.pcall('SET', KEYS[1], value, 'EXAT', amount)
  elseif how == '4' then stored = redis.pcall('SET', KEYS[1], value, 'PXAT', amount)
  elseif how == '5' then stored = redis.pcall('SET', KEYS[1], value, 'KEEPTTL')
  else stored = redis.pcall('SET', KEYS[1], value) end
  if failed(stored) then return refused(stored, 'set') end
end
