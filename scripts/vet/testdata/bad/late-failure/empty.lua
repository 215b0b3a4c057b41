-- want: late-failure 12
-- include reply.lua
local t = redis.pcall('ZRANGE', KEYS[1], '0', '9')
if failed(t) then return refused(t, 'zrange') end
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('LPUSH', KEYS[2], '') then return denied('lpush') end
else
  return redis.error_reply('NOSUPPORT this needs a server from 7.0 on')
end
local done = redis.pcall('DEL', KEYS[2])
if failed(done) then return refused(done, 'del') end
redis.call('LPUSH', KEYS[2], unpack(t))
return 1
