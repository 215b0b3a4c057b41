-- want: error-text 2
return redis.error_reply(string.format('ERR %s', ARGV[1]))
