-- want: loop-bound 3
local n = 0
while redis.call('LLEN', KEYS[1]) > n do
  n = n + 1
end
return n
