-- want: loop-bound 4
local all = redis.call('SMEMBERS', KEYS[1])
local n = 0
for i = 1, #all do
  n = n + #all[i]
end
return n
