-- want: key-origin 2
return redis.pcall('ZUNIONSTORE', KEYS[1], ARGV[1], KEYS[2], ARGV[2])
