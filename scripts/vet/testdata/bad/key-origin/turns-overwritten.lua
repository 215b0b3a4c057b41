-- want: key-origin 8
local call = {}
for i = 1, math.min(#KEYS, 2000) do
  call[2 * i - 1] = KEYS[i]
  call[2 * i] = ARGV[i]
end
call[3] = ARGV[1]
return redis.pcall('MSET', unpack(call))
