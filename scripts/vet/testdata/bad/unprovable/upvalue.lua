-- want: unprovable 3
local n = 0
local function inc() n = n + 1 end
inc()
return n
