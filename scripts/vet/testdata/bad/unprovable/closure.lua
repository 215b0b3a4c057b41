-- want: unprovable 2
local t = {run = function() return 1 end}
return 1
