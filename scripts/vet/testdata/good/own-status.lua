if ARGV[1] == 'x' then return redis.status_reply('OK') end
return {err = 'ERR not x'}
