-- want: unpack-bound 2
return redis.call('EXISTS', unpack(KEYS))
