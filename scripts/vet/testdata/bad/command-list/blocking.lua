-- want: command-list 2
return redis.call('BLPOP', KEYS[1], '0')
