-- want: error-text 2
return redis.error_reply('ERR a\r\n+OK')
