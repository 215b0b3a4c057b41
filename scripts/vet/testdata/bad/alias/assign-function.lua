-- want: alias 2
redis.call = nil
return 1
