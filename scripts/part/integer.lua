-- Integers as text. integer returns the number that text writes in Redis's one way (no plus, no leading zero, no -0) and
-- that a double holds exactly; else nil, and 'beyond' if it is too large for that, but not for a server's 64 bits. digits is the
-- opposite.
local function integer(text)
  if #text > 20 or (text ~= '0' and not string.find(text, '^-?[1-9][0-9]*$')) then return nil end
  local n = tonumber(text)
  local most = n < 0 and '-9223372036854775808' or '9223372036854775807'
  -- With as many digits, the order of texts is that of the numbers.
  if #text > #most or (#text == #most and text > most) then return nil end
  if n > 9007199254740991 or n < -9007199254740991 then return nil, 'beyond' end
  return n
end
local function digits(n)
  return string.format('%.0f', n)
end
local function too_large()
  return redis.error_reply('ERR value is beyond 2^53, which needs a server with this command built in')
end
