-- want: forbidden-function 3
-- want: error-text 3
assert(ARGV[1])
return 1
