-- want: hidden-failure 2
local v = redis.pcall('GET', KEYS[1])
return redis.call('SET', KEYS[2], 'x')
