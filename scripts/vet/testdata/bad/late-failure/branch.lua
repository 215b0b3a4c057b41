-- want: late-failure 9
-- include reply.lua
local v = redis.pcall('GET', KEYS[1])
if failed(v) then return refused(v, 'get') end
if ARGV[1] == '1' then
  local done = redis.pcall('SET', KEYS[1], 'x')
  if failed(done) then return refused(done, 'set') end
end
local n = redis.pcall('HLEN', KEYS[2])
return n
