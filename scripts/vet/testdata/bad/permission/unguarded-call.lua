-- want: permission 4
-- want: permission 7
-- include reply.lua
if forbidden(redis.pcall('SET', KEYS[2], '', 'NX', 'XX')) then return denied('set') end
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
redis.call('SET', KEYS[2], 'x')
return 1
