-- want: alias 4
-- want: unprovable 4
-- include reply.lua
failed = function() return false end
return 1
