-- want: forbidden-function 2
local t = setmetatable({}, {})
return 1
