-- want: late-failure 3
local function put(key) return redis.call('SET', key, 'x') end
local function get(key) return redis.call('GET', key) end
put(KEYS[1])
return get(KEYS[2])
