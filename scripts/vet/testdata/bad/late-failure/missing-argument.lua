-- want: late-failure 6
-- include reply.lua
-- as: undeclared
local done = redis.pcall('SET', KEYS[1], 'x')
if failed(done) then return refused(done, 'set') end
redis.call('SET', KEYS[1], ARGV[1])
return 1
