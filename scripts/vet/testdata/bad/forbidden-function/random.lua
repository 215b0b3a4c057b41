-- want: forbidden-function 2
local r = math.random()
return 1
