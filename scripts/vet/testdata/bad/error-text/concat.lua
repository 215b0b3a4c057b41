-- want: error-text 3
local parts = {'ERR', ARGV[1]}
return redis.error_reply(table.concat(parts, ' '))
