-- want: key-origin 4
local other = redis.call('HGET', KEYS[1], 'next')
if not other then return false end
return redis.call('GET', other)
