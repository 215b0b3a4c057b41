-- want: unprovable 2
return tonumber(ARGV[1], 16)
