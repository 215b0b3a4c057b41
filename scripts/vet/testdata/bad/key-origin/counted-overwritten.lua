-- want: key-origin 6
local list = {}
for i = 2, math.min(#KEYS, 2000) do list[#list + 1] = KEYS[i] end
local count = #list
list[1] = ARGV[1]
return redis.pcall('ZUNIONSTORE', KEYS[1], count, unpack(list))
