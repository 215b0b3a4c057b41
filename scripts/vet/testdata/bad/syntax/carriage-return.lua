-- want: syntax 2
local a = 1 -- hidden:redis.call('FLUSHALL')
return a
