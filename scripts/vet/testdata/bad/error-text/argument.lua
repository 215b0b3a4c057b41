-- want: error-text 2
return redis.error_reply('ERR no such thing: ' .. ARGV[1])
