-- want: late-failure 3
local function both(a, b) return b end
return both(redis.call('SET', KEYS[1], 'x'), redis.call('GET', KEYS[1]))
