-- The reply is the list's first or last element.
local function guard(call)
  local element = redis.pcall('LINDEX', call[1], --[[index]])
  if failed(element) then return refused(element, 'lindex') end
  return element and #element > 65536
    and redis.error_reply('LIMIT the reply is longer than the 64 KiB that ONCE keeps; nothing was executed')
end
