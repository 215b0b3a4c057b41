-- want: late-failure 4
-- want: permission 5
for i = 1, #KEYS do
  local v = redis.call('GET', KEYS[i])
  if v == ARGV[1] then redis.call('DEL', KEYS[i]) end
end
return 1
