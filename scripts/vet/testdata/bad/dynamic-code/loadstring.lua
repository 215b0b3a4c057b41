-- want: dynamic-code 2
local f = loadstring('return 1')
return 1
