-- want: permission 10
-- include reply.lua
if redis.acl_check_cmd then
  local may = redis.acl_check_cmd('SET', KEYS[2], '')
else
  if forbidden(redis.pcall('SET', KEYS[2], '', 'NX', 'XX')) then return denied('set') end
end
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
redis.call('SET', KEYS[2], 'x')
return 1
