-- include reply.lua
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if failed(info) then
  if not string.find(info.err, 'no such key', 1, true) then return refused(info, 'xinfo') end
  return 0
end
return #info
