-- want: unpack-bound 4
-- want: command-list 4
local all = redis.call('SMEMBERS', KEYS[1])
return redis.call('SMISMEMBER', KEYS[2], unpack(all))
