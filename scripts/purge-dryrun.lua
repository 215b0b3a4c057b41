-- PURGE ... DRYRUN: how many keys PURGE would remove, or the error that it would give.
-- Bound: the database may hold at most max_scan keys (checked before the scan) and at most LIMIT keys may match
-- (checked while scanning). Writes nothing.
-- The user needs the rights that the removal needs. Before 7.0 a script that only reads can't ask whether the user may
-- UNLINK: there only the keys are checked (by EXISTS).
-- ARGV: as purge.lua.

-- include reply.lua
-- include purge-find.lua

for i = 1, #keys, CHUNK do
  local last = math.min(i + CHUNK - 1, #keys)
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('UNLINK', unpack(keys, i, last)) then
      return denied('unlink')
    end
  else
    local found = redis.pcall('EXISTS', unpack(keys, i, last))
    if failed(found) then return refused(found, 'exists') end
  end
end
return #keys
