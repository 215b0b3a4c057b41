-- want: key-origin 2
return redis.call('GET', ARGV[1])
