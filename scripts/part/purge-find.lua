-- What PURGE finds, and what it would find: leaves the matches in keys.
local ONCE = ':atomicproxy:once:' -- in the name of each key that holds a token of ONCE: not the users' to purge
local CHUNK = 1000                -- keys a call; Lua can hand over less than 8,000
local pattern, max_scan = ARGV[2], tonumber(ARGV[12])
local limit = tonumber(ARGV[3] == '1' and ARGV[4] or ARGV[13])
local by_idle, min_idle, no_expire = ARGV[7] == '1', tonumber(ARGV[8]), ARGV[9] == '1'
local by_value, value = ARGV[10] == '1', ARGV[11]

local size = redis.pcall('DBSIZE')
if failed(size) then return refused(size, 'dbsize') end
if size > max_scan then
  return redis.error_reply('LIMIT the database has more keys than purge.max_scan allows one PURGE to look at; nothing was removed')
end

-- SCAN filters by type, without touching a key's idle time. IFEQ is about strings, so with another TYPE nothing matches.
local kind = ARGV[5] == '1' and ARGV[6] or ''
if by_value then
  if kind ~= '' and kind ~= 'string' then return 0 end
  kind = 'string'
end

-- Under an LFU policy no key has an idle time. A user without the right to INFO learns it at the first match instead.
if by_idle and (not redis.acl_check_cmd or redis.acl_check_cmd('INFO', 'memory')) then
  local info = redis.pcall('INFO', 'memory')
  if type(info) == 'string' and (string.find(info, 'maxmemory_policy:allkeys-lfu', 1, true)
    or string.find(info, 'maxmemory_policy:volatile-lfu', 1, true)) then
    return redis.error_reply('ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when '
      .. 'switching between policies at runtime LRU and LFU data will take some time to adjust.')
  end
end

-- SCAN may name a key twice: seen makes each count once. keys are those that match in every respect.
local keys, seen, cursor = {}, {}, '0'
local spare_once = not string.find(pattern, ONCE, 1, true)
repeat
  local page
  if kind == '' then
    page = redis.pcall('SCAN', cursor, 'MATCH', pattern, 'COUNT', CHUNK)
  else
    page = redis.pcall('SCAN', cursor, 'MATCH', pattern, 'COUNT', CHUNK, 'TYPE', kind)
  end
  if failed(page) then return refused(page, 'scan') end
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local keep = seen[key] or (spare_once and string.find(key, ONCE, 1, true))
    seen[key] = true
    if not keep and no_expire then
      local left = redis.pcall('PTTL', key)
      if failed(left) then return refused(left, 'pttl') end
      keep = left ~= -1
    end
    if not keep and by_idle then
      local idle = redis.pcall('OBJECT', 'IDLETIME', key)
      if failed(idle) then return refused(idle, 'object|idletime') end
      keep = not idle or idle < min_idle
    end
    if not keep and by_value then
      -- One byte more than the value: enough to compare, however long the string is.
      local got = redis.pcall('GETRANGE', key, 0, #value)
      if failed(got) then return refused(got, 'getrange') end
      keep = got ~= value
    end
    if not keep then
      keys[#keys + 1] = key
      if #keys > limit then
        return redis.error_reply('LIMIT more keys match than LIMIT allows; nothing was removed')
      end
    end
  end
until cursor == '0'
