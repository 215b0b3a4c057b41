-- want: unpack-bound 4
local t = {}
for i = 1, #ARGV do t[#t + 1] = ARGV[i] end
return redis.call('HMGET', KEYS[1], unpack(t))
