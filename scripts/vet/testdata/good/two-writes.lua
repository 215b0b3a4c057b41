-- include reply.lua
local n = redis.pcall('ZSCORE', KEYS[2], ARGV[1])
if failed(n) then return refused(n, 'zscore') end
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('ZADD', KEYS[2], '0', '') then return denied('zadd') end
else
  if forbidden(redis.pcall('ZADD', KEYS[2], 'NX', 'XX', '0', '')) then return denied('zadd') end
end
local gone = redis.pcall('ZREM', KEYS[1], ARGV[1])
if failed(gone) then return refused(gone, 'zrem') end
redis.call('ZADD', KEYS[2], '5', ARGV[1])
return gone
