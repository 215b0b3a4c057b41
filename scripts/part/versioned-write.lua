-- The write of EXSET and EXCAS: new becomes the value of KEYS[1] and after its version. lifetime and amount say what becomes
-- of the key's expiry: '1' to '4' are EX, PX, EXAT and PXAT with amount, '5' is KEEPTTL, '0' removes it.
if after > 9007199254740991 then return too_large() end
local ms = 0
if lifetime == '1' or lifetime == '3' then
  ms = tonumber(amount) * 1000
elseif lifetime == '2' or lifetime == '4' then
  ms = tonumber(amount)
end
if ms > 9007199254740991 then return too_large() end
local lasting = version and lifetime == '0' -- whatever expiry the key has goes

if redis.acl_check_cmd then
  if not redis.acl_check_cmd('HSET', KEYS[1], 'value', '') then return denied('hset') end
else
  local tried = redis.pcall('HSET', KEYS[1], 'value', '', 'version')
  if forbidden(tried) then return denied('hset') end
  -- Once a call that takes no memory was tried, the server would not refuse HSET for want of memory.
  if failed(tried) and string.find(tried.err, '-OOM ', 1, true) then return refused(tried, 'hset') end
end
if lifetime == '1' or lifetime == '2' then
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('PEXPIRE', KEYS[1], '1') then return denied('pexpire') end
  else
    if forbidden(redis.pcall('PEXPIRE', KEYS[1], 'x')) then return denied('pexpire') end
  end
elseif lifetime == '3' or lifetime == '4' then
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('PEXPIREAT', KEYS[1], '1') then return denied('pexpireat') end
  else
    if forbidden(redis.pcall('PEXPIREAT', KEYS[1], 'x')) then return denied('pexpireat') end
  end
end

-- PERSIST is the first write if it is one, since before 7.0 no call asks harmlessly for its right.
if lasting then
  local done = redis.pcall('PERSIST', KEYS[1])
  if failed(done) then return refused(done, 'persist') end
  redis.call('HSET', KEYS[1], 'value', new, 'version', digits(after))
else
  local done = redis.pcall('HSET', KEYS[1], 'value', new, 'version', digits(after))
  if failed(done) then return refused(done, 'hset') end
  if lifetime == '1' or lifetime == '2' then
    redis.call('PEXPIRE', KEYS[1], digits(ms))
  elseif lifetime == '3' or lifetime == '4' then
    redis.call('PEXPIREAT', KEYS[1], digits(ms))
  end
end
