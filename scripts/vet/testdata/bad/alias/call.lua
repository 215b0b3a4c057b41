-- want: alias 2
local c = redis.call
return 1
