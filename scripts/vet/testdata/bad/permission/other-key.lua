-- want: permission 10
-- include reply.lua
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('SET', KEYS[1], '') then return denied('set') end
else
  if forbidden(redis.pcall('SET', KEYS[1], '', 'NX', 'XX')) then return denied('set') end
end
local done = redis.pcall('SET', KEYS[1], 'x')
if failed(done) then return refused(done, 'set') end
redis.call('SET', KEYS[2], 'x')
return 1
