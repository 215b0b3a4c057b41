-- want: command-name 2
return redis.call('OBJECT', ARGV[1], KEYS[1])
