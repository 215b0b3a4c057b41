-- want: error-text 3
local t = {}
t['e' .. 'rr'] = ARGV[1]
return t
