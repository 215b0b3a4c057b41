-- want: error-text 3
local v = redis.call('GET', KEYS[1])
return {ok = v}
