-- May the user remove them all? Before 7.0 a script can't ask; there EXISTS needs the same keys (and +exists), and a
-- single UNLINK needs no question, since a call is refused as a whole.
for i = 1, #keys, CHUNK do
  local last = math.min(i + CHUNK - 1, #keys)
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('UNLINK', unpack(keys, i, last)) then
      return denied('unlink')
    end
  elseif #keys > CHUNK then
    local found = redis.pcall('EXISTS', unpack(keys, i, last))
    if failed(found) then return refused(found, 'exists') end
  end
end

local removed = 0
for i = 1, #keys, CHUNK do
  local n = redis.pcall('UNLINK', unpack(keys, i, math.min(i + CHUNK - 1, #keys)))
  -- Only the first call can fail: what refuses it (a right, a replica) refuses before anything was removed.
  if failed(n) then return refused(n, 'unlink') end
  removed = removed + n
end
return removed
