-- The record of a reply: of each value its kind, its number or its length and bytes. A reply is a value or one list of such;
-- of any other the record says only that there was one. Whoever may write the token's key can put anything there: so what is
-- read is checked, and no more can come of it than another reply.
local MARK, UNTOLD = 'atomicproxy-once-1:', '!;'
local function value(v)
  local kind = type(v)
  if kind == 'string' then return '$' .. #v .. ';' .. v end
  if kind == 'number' then -- servers cut off what is behind the point; + 0 makes 0 of -0
    return ':' .. digits((v < 0 and math.ceil(v) or math.floor(v)) + 0) .. ';'
  end
  if kind == 'boolean' then return v and ':1;' or '_;' end
  if kind == 'nil' then return '_;' end
  local text = v.ok
  if type(text) ~= 'string' then return nil end
  return '+' .. #text .. ';' .. text
end
local function recorded(reply)
  if type(reply) ~= 'table' or reply.ok then return value(reply) or UNTOLD end
  if reply.double or reply.map or reply.set or reply.big_number or reply.verbatim_string then return UNTOLD end
  local list = {}
  for i = 1, #reply do
    local one = value(reply[i])
    if not one then return UNTOLD end
    list[i] = one
  end
  return '*' .. #reply .. ';' .. table.concat(list)
end

-- recall reads the value at text[at] and returns it and where the next one begins; nil: there is none. A status is printable,
-- as those that scripts may make: a line's end in it would forge the reply behind.
local function recall(text, at)
  local last = string.find(text, ';', at, true)
  if not last then return nil, at end
  local kind, number = string.sub(text, at, at), string.sub(text, at + 1, last - 1)
  if kind == '_' and number == '' then return false, last + 1 end
  local n, beyond = integer(number)
  if kind == ':' then
    if beyond then n = tonumber(number) end
    return n, last + 1
  end
  if not n or n < 0 or last + n > #text then return nil, at end
  local bytes = string.sub(text, last + 1, last + n)
  if kind == '$' then return bytes, last + n + 1 end
  if kind == '+' and string.find(bytes, '^[ -~]*$') then return redis.status_reply(bytes), last + n + 1 end
  return nil, at
end
-- recalled reads the reply that is the rest of text; nil: it is none.
local function recalled(text, at)
  if string.sub(text, at, at) ~= '*' then
    local one, after = recall(text, at)
    if after ~= #text + 1 then return nil end
    return one
  end
  local last = string.find(text, ';', at, true)
  local n = last and integer(string.sub(text, at + 1, last - 1))
  -- No value has less than two bytes.
  if not n or n < 0 or n > 1048576 or 2 * n > #text then return nil end
  local list, place = {}, last + 1
  for i = 1, n do
    local one, after = recall(text, place)
    if one == nil then return nil end
    list[i], place = one, after
  end
  if place ~= #text + 1 then return nil end
  return list
end
