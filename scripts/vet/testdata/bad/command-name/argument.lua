-- want: command-name 2
return redis.call(ARGV[1], KEYS[1])
