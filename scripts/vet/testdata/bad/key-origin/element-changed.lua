-- want: key-origin 4
local t = {KEYS[1]}
t[1] = ARGV[1]
return redis.call('GET', t[1])
