-- include reply.lua
-- arg: text
-- arg: integer 1 1000
local found = redis.pcall('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', '0', ARGV[2])
if failed(found) then return refused(found, 'zrangebyscore') end
if #found == 0 then return found end
local gone = redis.pcall('ZREM', KEYS[1], unpack(found))
if failed(gone) then return refused(gone, 'zrem') end
return found
