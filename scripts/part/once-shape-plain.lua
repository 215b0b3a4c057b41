-- The reply is the same in both protocols, or differs by itself.
local function shaped(reply)
  return reply
end
