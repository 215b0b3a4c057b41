-- want: permission 12
-- include reply.lua
local key = KEYS[1]
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('SET', key, '') then return denied('set') end
else
  if forbidden(redis.pcall('SET', key, '', 'NX', 'XX')) then return denied('set') end
end
key = KEYS[2]
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
redis.call('SET', key, 'x')
return 1
