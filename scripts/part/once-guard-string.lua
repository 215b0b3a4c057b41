-- The reply is the value.
local length = redis.pcall('STRLEN', KEYS[1])
if failed(length) then return refused(length, 'strlen') end
if length > 65536 then
  return redis.error_reply('LIMIT the reply is longer than the 64 KiB that ONCE keeps; nothing was executed')
end
