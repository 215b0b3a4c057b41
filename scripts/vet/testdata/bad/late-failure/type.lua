-- want: late-failure 7
-- want: permission 7
-- include reply.lua
local done = redis.pcall('SET', KEYS[1], 'x')
if failed(done) then return refused(done, 'set') end
if redis.acl_check_cmd then return 1 end
redis.call('HSET', KEYS[1], 'f', 'v')
return 1
