-- want: key-origin 4
local t = {KEYS[1], ARGV[1]}
for i = 1, 2 do
  redis.call('EXISTS', t[i])
end
return 0
