-- The reply is members and scores: at most a thousand.
if #ARGV > 4 then return redis.error_reply('ERR syntax error') end
local count, beyond = integer(ARGV[4] or '1')
if not count and not beyond then return redis.error_reply('ERR value is out of range, must be positive') end
if not count or count > 1000 then return redis.error_reply('LIMIT ONCE pops at most 1000 members; nothing was executed') end
if count >= 1 then
  local members, size = redis.pcall('--[[ZRANGE]]', KEYS[1], '0', digits(count - 1)), 0
  if failed(members) then return refused(members, '--[[zrange]]') end
  for i = 1, #members do size = size + #members[i] end
  if size > 65536 - 30 * #members then
    return redis.error_reply('LIMIT the reply is longer than the 64 KiB that ONCE keeps; nothing was executed')
  end
end
