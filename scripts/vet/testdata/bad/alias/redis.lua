-- want: alias 3
-- want: unprovable 4
local r = redis
return r['call']('GET', KEYS[1])
