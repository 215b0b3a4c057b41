-- want: error-text 5
-- include reply.lua
local v = redis.pcall('GET', KEYS[1])
if failed(v) then
  return redis.error_reply('ERR it said ' .. v.err)
end
return v
