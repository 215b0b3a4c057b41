-- want: hidden-failure 2
local v = redis.pcall('GET', KEYS[1])
return {1, v}
