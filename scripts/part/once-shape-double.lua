-- A score is a double in RESP3. A script gets it as text. Nil: the reply is not of this shape.
local function shaped(reply)
  if ARGV[3] ~= '3' or type(reply) ~= 'string' then return reply end
  local score = tonumber(reply)
  return score and {double = score}
end
