-- want: alias 2
local redis = {}
return 1
