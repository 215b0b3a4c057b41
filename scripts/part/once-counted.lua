-- Keys, which are counted, and then options.
local call = {}
for i = 2, #KEYS - 1 do call[#call + 1] = KEYS[i] end
local count = #call
for i = 4, #ARGV do call[#call + 1] = ARGV[i] end
