-- want: key-origin 2
return redis.call('GET', KEYS[1] .. ':lock')
