-- include reply.lua
-- as: keyspace readonly
local cursor, n = '0', 0
repeat
  local page = redis.pcall('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', '100')
  if failed(page) then return refused(page, 'scan') end
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local left = redis.pcall('PTTL', key)
    if failed(left) then return refused(left, 'pttl') end
    if left == -1 then n = n + 1 end
  end
until cursor == '0'
return n
