-- want: command-name 2
return redis.call(string.char(71, 69, 84), KEYS[1])
