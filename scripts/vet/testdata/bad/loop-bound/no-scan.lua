-- want: loop-bound 4
-- as: keyspace
local cursor = ARGV[1]
repeat
  cursor = string.sub(cursor, 2)
until cursor == '0'
return 0
