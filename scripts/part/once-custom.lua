-- The command: its script, byte for byte, with the keys and arguments that it would have alone. It was vetted by itself.
local function script(KEYS, ARGV)
--[[script]]
end
local keys, args = {}, {}
for i = 1, #KEYS - 1 do keys[i] = KEYS[i] end
for i = 4, #ARGV do args[i - 3] = ARGV[i] end
local reply = script(keys, args)
if failed(reply) then return reply end
