-- want: hidden-failure 7
-- want: permission 9
-- include reply.lua
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('ZADD', KEYS[2], '0', '') then return denied('zadd') end
else
  if forbidden(redis.pcall('ZADD', KEYS[2], '0x1', 'm')) then return denied('zadd') end
end
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
return done
