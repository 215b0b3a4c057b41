-- want: error-text 2
return redis.error_reply('ERR ' .. string.char(tonumber(ARGV[1])))
