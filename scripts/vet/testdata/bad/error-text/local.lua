-- want: error-text 4
local name = ARGV[1]
local why = 'ERR ' .. name
return redis.error_reply(why)
