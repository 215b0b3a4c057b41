-- score: whether a text is a score to ZADD of every server: decimal, or an infinity, and nothing that a double can't hold.
local function score(text)
  local word = string.lower(text)
  if word == 'inf' or word == '+inf' or word == '-inf' then return true end
  if not string.find(text, '^[+-]?[%d.]+$') and not string.find(text, '^[+-]?[%d.]+[eE][+-]?%d+$') then return false end
  local n = tonumber(text)
  if not n or n <= -math.huge or n >= math.huge then return false end
  -- Too small for a double is an error as well; zero itself has no other digit before its exponent.
  return n ~= 0 or not string.find(text, '^[^eE]*[1-9]')
end
