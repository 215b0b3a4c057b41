-- want: hidden-failure 3
local function wrong(reply) return false end
local v = redis.pcall('GET', KEYS[1])
if wrong(v) then return v end
return 1
