-- want: syntax 3
local v = redis.pcall('GET', KEYS[1]
return v
