-- want: late-failure 4
local n = 0
for i = 1, 2 do
  if i == 2 then n = redis.call('LLEN', KEYS[1]) end
  if i == 1 then redis.call('DEL', KEYS[2]) end
end
return n
