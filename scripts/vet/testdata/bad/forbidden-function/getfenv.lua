-- want: forbidden-function 2
local e = getfenv(0)
return 1
