-- want: pattern 2
return string.format(ARGV[1], 1)
