-- want: dynamic-code 2
local x = require('x')
return 1
