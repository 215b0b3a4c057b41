-- What EXSET and its kin find at KEYS[1]: leaves the value and its version in locals, both nil if there is no such key.
-- They are the fields value and version of a hash. A hash without them is somebody else's.
local value, version
local found = redis.pcall('HMGET', KEYS[1], 'value', 'version')
if failed(found) then return refused(found, 'hmget') end
if found[1] and found[2] then
  local n, beyond = integer(found[2])
  if beyond then return too_large() end
  if n and n >= 0 then value, version = found[1], n end
end
if not version then
  local fields = redis.pcall('HLEN', KEYS[1])
  if failed(fields) then return refused(fields, 'hlen') end
  if fields > 0 then
    return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
  end
end
