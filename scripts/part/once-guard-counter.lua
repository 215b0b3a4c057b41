-- The reply is the sum: it must be one that a script can tell. What is no integer at all the command refuses itself.
local stored = redis.pcall('--[[GET]]', KEYS[1]--[[field]])
if failed(stored) then return refused(stored, '--[[get]]') end
local now, beyond = 0, nil
if stored then now, beyond = integer(stored) end
local by, far = integer(--[[by]])
if beyond or far or now and by and math.abs(--[[sum]]) > 9007199254740991 then
  return redis.error_reply('ERR value is beyond 2^53, which needs a server with this command built in')
end
