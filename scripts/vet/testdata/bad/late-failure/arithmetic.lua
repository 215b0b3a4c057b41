-- want: late-failure 3
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[2] + 1
