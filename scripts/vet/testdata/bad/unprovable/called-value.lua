-- want: unprovable 3
local t = {1}
return t[1]()
