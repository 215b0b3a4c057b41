-- want: hidden-failure 3
-- include reply.lua
local v = redis.pcall('GET', KEYS[1])
if failed(v) then v = '0' end
return v
