-- want: alias 2
local f = string.rep
return 1
