-- want: unpack-bound 3
for i = 1, #KEYS, 10000 do
  redis.call('EXISTS', unpack(KEYS, i, math.min(i + 9999, #KEYS)))
end
return 1
