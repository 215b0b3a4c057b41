-- want: command-name 2
return redis.pcall('FLUSH' .. 'ALL')
