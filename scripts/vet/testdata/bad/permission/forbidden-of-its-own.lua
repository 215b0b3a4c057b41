-- want: permission 13
-- include reply.lua
local function forbids(reply)
  return string.find(reply.err, 'NOPERM', 1, true)
end
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('SET', KEYS[2], '') then return denied('set') end
else
  if forbids(redis.pcall('SET', KEYS[2], '', 'NX', 'XX')) then return denied('set') end
end
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
redis.call('SET', KEYS[2], 'x')
return 1
