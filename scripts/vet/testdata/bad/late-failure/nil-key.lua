-- want: late-failure 4
local t = {}
redis.call('SET', KEYS[1], 'x')
t[tonumber(ARGV[1])] = 1
return 1
