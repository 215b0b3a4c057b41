-- want: forbidden-function 2
local t = cmsgpack.unpack(ARGV[1])
return 1
