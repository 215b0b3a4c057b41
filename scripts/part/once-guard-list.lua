-- The reply is the list's first or last element.
local element = redis.pcall('LINDEX', KEYS[1], --[[index]])
if failed(element) then return refused(element, 'lindex') end
if element and #element > 65536 then
  return redis.error_reply('LIMIT the reply is longer than the 64 KiB that ONCE keeps; nothing was executed')
end
