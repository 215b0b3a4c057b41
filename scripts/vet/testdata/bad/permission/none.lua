-- want: permission 5
-- include reply.lua
local done = redis.pcall('ZREM', KEYS[1], ARGV[1])
if failed(done) then return refused(done, 'zrem') end
redis.call('DEL', KEYS[2])
return 1
