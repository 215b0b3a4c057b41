-- want: late-failure 4
local t = redis.call('HMGET', KEYS[1], 'a')
redis.call('SET', KEYS[1], ARGV[1])
return string.sub(t[1], 1, 3)
