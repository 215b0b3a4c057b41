-- want: unprovable 4
-- want: unprovable 5
local function one() return 1 end
local function apply(f) return f() end
return apply(one)
