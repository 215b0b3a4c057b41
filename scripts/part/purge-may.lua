-- May the user remove the keys? Answers the refusal if not. Writes nothing.
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
