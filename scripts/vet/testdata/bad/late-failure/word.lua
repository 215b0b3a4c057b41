-- want: late-failure 8
-- include reply.lua
local a = redis.pcall('LLEN', KEYS[1])
if failed(a) then return refused(a, 'llen') end
if redis.acl_check_cmd then if not redis.acl_check_cmd('LINSERT', KEYS[1], 'BEFORE', 'a', 'b') then return denied('linsert') end else return 1 end
local done = redis.pcall('RPUSH', KEYS[1], 'a')
if failed(done) then return refused(done, 'rpush') end
redis.call('LINSERT', KEYS[1], ARGV[1], 'a', 'b')
return 1
