-- want: error-text 2
return {err = 'ERR ' .. ARGV[1]}
