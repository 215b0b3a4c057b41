-- The reply is members and scores: at most a thousand. What is no good count the command refuses itself.
local function guard(call)
  local count, size = integer(call[2] or '1'), 0
  if count and count > 1000 then return redis.error_reply('LIMIT ONCE pops at most 1000 members; nothing was executed') end
  if not count or count < 1 then return nil end
  local members = redis.pcall('--[[ZRANGE]]', call[1], '0', digits(count - 1))
  if failed(members) then return refused(members, '--[[zrange]]') end
  for i = 1, #members do size = size + #members[i] end
  return size > 65536 - 30 * #members
    and redis.error_reply('LIMIT the reply is longer than the 64 KiB that ONCE keeps; nothing was executed')
end
