-- Integers as text. integer returns the number that text writes in Redis's one way (no plus, no leading zero, no -0) and
-- that a double holds exactly; else nil, and 'beyond' if it is only too large. digits is the opposite.
local function integer(text)
  if #text > 20 or (text ~= '0' and not string.find(text, '^-?[1-9][0-9]*$')) then return nil end
  local n = tonumber(text)
  if n > 9007199254740991 or n < -9007199254740991 then return nil, 'beyond' end
  return n
end
local function digits(n)
  return string.format('%.0f', n)
end
