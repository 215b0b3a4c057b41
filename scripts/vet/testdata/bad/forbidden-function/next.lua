-- want: forbidden-function 2
local a = next({})
return 1
