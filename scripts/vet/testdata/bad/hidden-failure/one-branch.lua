-- want: hidden-failure 3
-- include reply.lua
local v = redis.pcall('GET', KEYS[1])
if failed(v) and ARGV[1] == '1' then return refused(v, 'get') end
return 1
