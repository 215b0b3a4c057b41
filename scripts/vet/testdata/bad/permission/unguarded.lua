-- want: permission 3
-- include reply.lua
if not redis.acl_check_cmd('SET', KEYS[2], '') then return denied('set') end
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
redis.call('SET', KEYS[2], 'x')
return 1
