-- want: key-origin 4
local list = {}
for i = 1, math.min(#ARGV, 100) do list[i] = ARGV[i] end
return redis.pcall('ZINTERSTORE', KEYS[1], unpack(list))
