-- want: pattern 3
local p = '^' .. ARGV[1]
return string.match(ARGV[2], p)
