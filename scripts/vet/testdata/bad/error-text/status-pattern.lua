-- want: error-text 4
-- want: error-text 6
local text = ARGV[1]
if string.find(text, '^[ -~]+') then return redis.status_reply(text) end
if string.find(text, '^[ -~]*$') then return redis.status_reply(text) end
return redis.status_reply('caf\195\169')
