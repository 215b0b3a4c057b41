-- stream_id reads a stream's id: milliseconds-sequence, or milliseconds alone, whose sequence is 0. It returns both as servers
-- write them, without leading zeros; nil: the text is no id.
local function id_part(text)
  local at = string.find(text, '[^0]')
  local short = at and string.sub(text, at) or '0'
  -- The largest is 2^64-1. With as many digits, the order of texts is that of the numbers.
  if #short > 20 or (#short == 20 and short > '18446744073709551615') then return nil end
  return short
end
local function stream_id(text)
  if string.find(text, '^%d+$') then return id_part(text), '0' end
  if not string.find(text, '^%d+%-%d+$') then return nil end
  local dash = string.find(text, '-', 1, true)
  return id_part(string.sub(text, 1, dash - 1)), id_part(string.sub(text, dash + 1))
end
