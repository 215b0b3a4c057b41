-- want: hidden-failure 2
redis.pcall('SET', KEYS[1], 'x')
return 1
