-- The command: its script, with the keys and arguments that it would have alone.
local function script(KEYS, ARGV)
--[[script]]
end
local function effect()
  local keys, args = {}, {}
  for i = 1, #KEYS - 1 do keys[i] = KEYS[i] end
  for i = 4, #ARGV do args[i - 3] = ARGV[i] end
  return script(keys, args)
end
