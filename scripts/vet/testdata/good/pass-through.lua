return redis.pcall('HGET', KEYS[1], ARGV[1])
