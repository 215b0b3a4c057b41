-- want: error-text 2
return {big_number = ARGV[1]}
