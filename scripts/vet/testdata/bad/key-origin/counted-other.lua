-- want: key-origin 7
local function new() return {} end
local list, other = new(), new()
for i = 2, math.min(#KEYS, 2000) do list[#list + 1] = KEYS[i] end
local count = #list
for i = 2, math.min(#ARGV, 2000) do other[#other + 1] = ARGV[i] end
return redis.pcall('ZUNIONSTORE', KEYS[1], count, unpack(other))
