-- want: unprovable 3
local f = redis.call('GET', KEYS[1])
return f()
