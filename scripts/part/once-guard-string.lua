-- The reply is the value.
local function guard(call)
  local length = redis.pcall('STRLEN', call[1])
  if failed(length) then return refused(length, 'strlen') end
  return length > 65536 and redis.error_reply('LIMIT the reply is longer than the 64 KiB that ONCE keeps; nothing was executed')
end
