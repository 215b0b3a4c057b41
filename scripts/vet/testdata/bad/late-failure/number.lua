-- want: late-failure 12
-- include reply.lua
local v = redis.pcall('GET', KEYS[2])
if failed(v) then return refused(v, 'get') end
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('INCRBY', KEYS[2], '1') then return denied('incrby') end
else
  if forbidden(redis.pcall('INCRBY', KEYS[2], 'x')) then return denied('incrby') end
end
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
redis.call('INCRBY', KEYS[2], '1')
return 1
