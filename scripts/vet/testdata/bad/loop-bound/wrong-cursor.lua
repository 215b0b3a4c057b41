-- want: loop-bound 4
-- as: keyspace
local cursor, n = '0', 0
repeat
  local page = redis.call('SCAN', '0')
  cursor = page[1]
  n = n + 1
until cursor == '0'
return n
