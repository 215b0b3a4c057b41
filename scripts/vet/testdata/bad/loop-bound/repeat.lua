-- want: loop-bound 3
local n = 0
repeat
  n = n + 1
until n == 10
return n
