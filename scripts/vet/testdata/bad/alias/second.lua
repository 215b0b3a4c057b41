-- want: alias 3
-- include reply.lua
local function failed() return false end
return failed()
