-- want: error-text 4
local t = {}
t[ARGV[1]] = ARGV[2]
return {1, {t}}
