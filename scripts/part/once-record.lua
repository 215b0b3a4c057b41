-- The record of a reply: what kind of value, its length, its bytes. A reply is a single value or one list of such.
local MARK = 'atomicproxy-once-1:'
local function value(v)
  if type(v) == 'number' then return ':' .. digits(v) .. ';' end
  if type(v) == 'string' then return '$' .. #v .. ';' .. v end
  if type(v) == 'table' and v.ok then return '+' .. #v.ok .. ';' .. v.ok end
  return '_;' -- false: a null
end
local function recorded(reply)
  if type(reply) ~= 'table' or reply.ok then return value(reply) end
  local list = {}
  for i = 1, #reply do list[i] = value(reply[i]) end
  return '*' .. #reply .. ';' .. table.concat(list)
end

-- recall reads the value at text[at] and returns it and where the next one begins; nil where there is none.
local function recall(text, at)
  local last = string.find(text, ';', at, true)
  if not last then return nil, at end
  local kind, n = string.sub(text, at, at), tonumber(string.sub(text, at + 1, last - 1))
  if kind == '_' then return false, last + 1 end
  if kind == ':' then return n, last + 1 end
  local bytes = string.sub(text, last + 1, last + n)
  if kind == '+' then return redis.status_reply(bytes), last + n + 1 end
  return bytes, last + n + 1
end
local function recalled(text, at)
  if string.sub(text, at, at) ~= '*' then
    local single = recall(text, at)
    return single
  end
  local list, next = {}, string.find(text, ';', at, true) + 1
  local n = tonumber(string.sub(text, at + 1, next - 2))
  for i = 1, n do
    list[i], next = recall(text, next)
    if list[i] == nil then break end -- not written by us
  end
  return list
end
