-- want: pattern 2
local s = string.gsub(ARGV[1], 'a', ARGV[2])
return s
