-- want: alias 3
local function two() return 2 end
two = 3
return 1
