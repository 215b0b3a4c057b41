-- want: command-list 2
return redis.call('GET\0', KEYS[1])
