-- want: key-origin 4
local key = KEYS[1]
if ARGV[1] == 'x' then key = ARGV[2] end
return redis.call('GET', key)
