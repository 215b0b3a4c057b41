-- want: syntax 3
local a = 1
local b = ''
return a
