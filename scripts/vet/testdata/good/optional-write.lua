-- include reply.lua
-- arg: text
-- arg: values 0 1
-- arg: given 2 1 100000
local expires = ARGV[2] == '1'
local v = redis.pcall('GET', KEYS[1])
if failed(v) then return refused(v, 'get') end
if expires then
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('PEXPIRE', KEYS[1], '1') then return denied('pexpire') end
  else
    if forbidden(redis.pcall('PEXPIRE', KEYS[1], 'x')) then return denied('pexpire') end
  end
end
local done = redis.pcall('SET', KEYS[1], ARGV[1])
if failed(done) then return refused(done, 'set') end
if expires then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return v
