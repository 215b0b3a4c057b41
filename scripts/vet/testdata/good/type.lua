-- include reply.lua
local is = redis.pcall('TYPE', KEYS[2])
if failed(is) then return refused(is, 'type') end
if is.ok ~= 'none' and is.ok ~= 'list' then return redis.error_reply('WRONGTYPE the second key must be a list') end
if KEYS[1] == KEYS[2] then return redis.error_reply('ERR two keys are needed') end
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('RPUSH', KEYS[2], '') then return denied('rpush') end
else
  return redis.error_reply('NOSUPPORT this needs a server from 7.0 on')
end
local done = redis.pcall('DEL', KEYS[1])
if failed(done) then return refused(done, 'del') end
redis.call('RPUSH', KEYS[2], ARGV[1])
return done
