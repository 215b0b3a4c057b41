-- want: dynamic-code 2
return load(ARGV[1])
