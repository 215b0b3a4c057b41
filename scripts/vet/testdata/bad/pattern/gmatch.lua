-- want: pattern 3
local n = 0
for w in string.gmatch(ARGV[1], ARGV[2]) do n = n + 1 end
return n
