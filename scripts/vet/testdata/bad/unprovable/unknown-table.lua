-- want: unprovable 3
local t = redis.call('XINFO', 'STREAM', KEYS[1])
t[1][1] = 2
return 1
