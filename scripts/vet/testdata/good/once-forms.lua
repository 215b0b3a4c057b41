-- Keys and values by turns, and keys that are counted with options behind them.
local call = {}
for i = 1, math.min(#KEYS, 2000) do
  call[2 * i - 1] = KEYS[i]
  call[2 * i] = ARGV[i]
end
local list = {}
for i = 2, math.min(#KEYS, 2000) do list[#list + 1] = KEYS[i] end
local count = #list
for i = 4, math.min(#ARGV, 2000) do list[#list + 1] = ARGV[i] end
if ARGV[1] == 'pairs' then return redis.pcall('MSET', unpack(call)) end
if ARGV[1] == 'two' then return redis.pcall('ZUNIONSTORE', KEYS[1], 2, KEYS[2], KEYS[3], 'WEIGHTS', ARGV[2], ARGV[3]) end
return redis.pcall('ZUNIONSTORE', KEYS[1], count, unpack(list))
