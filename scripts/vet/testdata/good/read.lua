-- include reply.lua
local v = redis.pcall('GET', KEYS[1])
if failed(v) then return refused(v, 'get') end
return v
