-- want: command-list 2
return redis.call('SPOP', KEYS[1])
