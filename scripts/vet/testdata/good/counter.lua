-- include reply.lua
-- include integer.lua
-- arg: text
-- arg: integer 1 1000000
if KEYS[1] == KEYS[2] then return redis.error_reply('ERR two keys are needed') end
local held = redis.pcall('GET', KEYS[1])
if failed(held) then return refused(held, 'get') end
local stored = redis.pcall('GET', KEYS[2])
if failed(stored) then return refused(stored, 'get') end
if not integer(stored or '0') then return redis.error_reply('ERR value is not an integer or out of range') end
if redis.acl_check_cmd then
  if not redis.acl_check_cmd('INCRBY', KEYS[2], '1') then return denied('incrby') end
else
  if forbidden(redis.pcall('INCRBY', KEYS[2], 'x')) then return denied('incrby') end
end
local done = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if failed(done) then return refused(done, 'set') end
return redis.call('INCRBY', KEYS[2], '1')
