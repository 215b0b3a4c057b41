-- The command: its arguments in the client's order, of which ARGV[4] says, a letter each, whether the next is a key.
local function effect()
  local call, key = {}, 0
  for i = 5, #ARGV do
    if string.byte(ARGV[4], i - 4) == 107 then -- k
      key = key + 1
      call[i - 4] = KEYS[key]
    else
      call[i - 4] = ARGV[i]
    end
  end
  local why = guard(call)
  if why then return why end
  local reply = redis.pcall('--[[COMMAND]]', unpack(call))
  if failed(reply) then return refused(reply, '--[[command]]') end
  return reply
end
