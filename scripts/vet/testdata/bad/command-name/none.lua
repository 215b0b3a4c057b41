-- want: command-name 2
return redis.call()
