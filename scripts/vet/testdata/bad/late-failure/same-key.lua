-- want: late-failure 14
-- include reply.lua
local a = redis.pcall('HLEN', KEYS[1])
if failed(a) then return refused(a, 'hlen') end
local b = redis.pcall('GET', KEYS[2])
if failed(b) then return refused(b, 'get') end
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('HSET', KEYS[1], 'f', 'v') then return denied('hset') end
else
  if forbidden(redis.pcall('HSET', KEYS[1], 'f', 'v', 'g')) then return denied('hset') end
end
local done = redis.pcall('SET', KEYS[2], 'x')
if failed(done) then return refused(done, 'set') end
redis.call('HSET', KEYS[1], 'f', 'v')
return 1
