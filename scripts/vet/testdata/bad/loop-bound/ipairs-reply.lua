-- want: loop-bound 3
local n = 0
for _, v in ipairs(redis.call('LRANGE', KEYS[1], '0', '-1')) do
  n = n + #v
end
return n
