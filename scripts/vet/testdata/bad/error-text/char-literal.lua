-- want: error-text 2
return redis.status_reply('a' .. string.char(13, 10))
