-- want: forbidden-function 2
local c = coroutine.create(1)
return 1
