-- want: command-list 2
return redis.call('KEYS', '*')
