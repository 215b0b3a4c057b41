-- want: recursion 2
local f = function() return f() end
return 1
