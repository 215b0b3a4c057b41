-- want: forbidden-function 2
local t = os.time()
return 1
