-- want: pattern 2
return string.rep('x', tonumber(ARGV[1]))
