-- want: late-failure 3
redis.call('SET', KEYS[1], ARGV[1])
local old = redis.call('GET', KEYS[2])
return old
