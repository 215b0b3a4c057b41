-- want: forbidden-function 2
local t = cjson.decode(ARGV[1])
return 1
