-- want: forbidden-function 3
-- want: alias 3
local ok = pcall(redis.call, 'GET', KEYS[1])
return 1
