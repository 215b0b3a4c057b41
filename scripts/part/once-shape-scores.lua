-- Members and scores: in RESP3 scores are doubles, and with a count each member stands in a list with its own.
local function shaped(reply)
  if ARGV[3] ~= '3' or type(reply) ~= 'table' then return reply end
  local list = {}
  for i = 1, #reply, 2 do
    local score = {double = tonumber(reply[i + 1])}
    if #ARGV > 5 then
      list[#list + 1] = {reply[i], score}
    else
      list[i], list[i + 1] = reply[i], score
    end
  end
  return list
end
