-- want: unpack-bound 2
return redis.call('HMGET', KEYS[1], unpack(ARGV, 2, tonumber(ARGV[1])))
