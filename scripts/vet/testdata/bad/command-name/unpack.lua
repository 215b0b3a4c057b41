-- want: command-name 3
-- want: unpack-bound 3
return redis.call(unpack(ARGV))
