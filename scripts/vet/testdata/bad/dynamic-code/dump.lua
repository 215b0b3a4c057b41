-- want: dynamic-code 4
-- want: unprovable 4
local function f() return 1 end
return string.dump(f)
