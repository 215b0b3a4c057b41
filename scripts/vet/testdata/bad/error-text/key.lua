-- want: error-text 2
return redis.status_reply(KEYS[1])
