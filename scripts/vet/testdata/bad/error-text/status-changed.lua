-- want: error-text 4
local r = redis.call('SET', KEYS[1], 'x')
local t = {ok = 'OK'}
t.ok = ARGV[1]
return t
