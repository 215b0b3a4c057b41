-- want: alias 2
local k = KEYS
return k[1]
