-- A score is a double in RESP3. A script gets it as text.
local function shaped(reply)
  if ARGV[3] == '3' and type(reply) == 'string' then return {double = tonumber(reply)} end
  return reply
end
