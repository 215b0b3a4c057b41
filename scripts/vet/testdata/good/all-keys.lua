-- include reply.lua
for i = 1, #KEYS do
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('SET', KEYS[i], '') then return denied('set') end
  else
    if forbidden(redis.pcall('SET', KEYS[i], '', 'NX', 'XX')) then return denied('set') end
  end
end
for i, key in ipairs(KEYS) do
  local done = redis.pcall('SET', key, ARGV[1])
  if failed(done) then return refused(done, 'set') end
end
return #KEYS
