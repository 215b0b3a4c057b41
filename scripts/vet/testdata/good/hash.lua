-- include reply.lua
-- include integer.lua
local v = redis.pcall('HMGET', KEYS[1], 'left', 'sold')
if failed(v) then return refused(v, 'hmget') end
local left, sold = integer(v[1] or '0'), integer(v[2] or '0')
if not left or not sold then return redis.error_reply('ERR the hash holds no numbers') end
if left < 1 then return 0 end
local done = redis.pcall('HSET', KEYS[1], 'left', digits(left - 1), 'sold', digits(sold + 1))
if failed(done) then return refused(done, 'hset') end
return 1
