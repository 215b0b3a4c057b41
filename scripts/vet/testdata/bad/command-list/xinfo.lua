-- want: command-list 2
return redis.call('XINFO', 'CONSUMERS', KEYS[1])
