-- want: unprovable 3
local t = {1, 2}
for k, v in t do end
return 1
