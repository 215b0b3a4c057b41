-- want: pattern 2
return string.match(ARGV[1], '^(.*)a(.*)b(.*)$')
