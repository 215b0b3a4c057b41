-- want: late-failure 10
-- include reply.lua
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('PEXPIRE', KEYS[1], '1') then return denied('pexpire') end
else
  if forbidden(redis.pcall('PEXPIRE', KEYS[1], 'x')) then return denied('pexpire') end
end
local done = redis.pcall('SET', KEYS[1], 'x')
if failed(done) then return refused(done, 'set') end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
