-- include reply.lua
for i = 1, #KEYS, 1000 do
  local n = redis.pcall('EXISTS', unpack(KEYS, i, math.min(i + 999, #KEYS)))
  if failed(n) then return refused(n, 'exists') end
end
return #KEYS
