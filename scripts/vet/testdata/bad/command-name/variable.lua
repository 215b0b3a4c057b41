-- want: command-name 3
local name = 'GET'
return redis.call(name, KEYS[1])
