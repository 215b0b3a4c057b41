-- want: key-origin 7
local call = {}
for i = 1, math.min(#KEYS, 2000) do
  call[2 * i] = KEYS[i]
  call[2 * i - 1] = ARGV[i]
end
return redis.pcall('MSET', unpack(call))
