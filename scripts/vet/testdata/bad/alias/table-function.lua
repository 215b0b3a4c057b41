-- want: alias 3
local t = {}
function t.f() return 1 end
return 1
