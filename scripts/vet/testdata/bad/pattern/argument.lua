-- want: pattern 2
return string.find(ARGV[1], ARGV[2])
