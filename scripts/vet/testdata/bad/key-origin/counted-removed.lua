-- want: key-origin 7
local list = {}
for i = 2, math.min(#KEYS, 2000) do list[#list + 1] = KEYS[i] end
local count = #list
table.remove(list)
for i = 2, math.min(#ARGV, 2000) do list[#list + 1] = ARGV[i] end
return redis.pcall('ZUNIONSTORE', KEYS[1], count, unpack(list))
