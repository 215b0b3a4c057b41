-- want: error-text 3
local t = {}
t.err = ARGV[1]
return t
