-- want: globals 3
local value = ARGV[1]
return valeu
