-- want: command-list 2
return redis.pcall('config', 'SET', 'maxmemory', '1')
