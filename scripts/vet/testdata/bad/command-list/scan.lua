-- want: command-list 2
return redis.call('SCAN', '0')
