-- Members and scores: in RESP3 scores are doubles, and with a count each member stands in a list with its own. Nil: the reply
-- is not of this shape.
local function shaped(reply)
  if ARGV[3] ~= '3' or type(reply) ~= 'table' or reply.ok then return reply end
  local list = {}
  for i = 1, #reply, 2 do
    local member, score = reply[i], reply[i + 1]
    score = type(score) == 'string' and tonumber(score)
    if not score then return nil end
    if #ARGV > 3 then
      list[#list + 1] = {member, {double = score}}
    else
      list[#list + 1] = member
      list[#list + 1] = {double = score}
    end
  end
  return list
end
