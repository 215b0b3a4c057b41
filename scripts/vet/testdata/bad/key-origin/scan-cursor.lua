-- want: key-origin 4
-- as: keyspace
local page = redis.call('SCAN', '0')
return redis.call('GET', page[1])
