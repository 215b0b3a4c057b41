-- What of the keys that were found match now: leaves those in keys, each once, and in places where they stand in KEYS.
local CHUNK = 1000 -- keys a call; Lua can hand over less than 8,000
local by_type, kind = ARGV[1] == '1', string.lower(ARGV[2])
local by_idle, min_idle, no_expire = ARGV[3] == '1', tonumber(ARGV[4]), ARGV[5] == '1'
local by_value, value = ARGV[6] == '1', ARGV[7]

local keys, places, seen = {}, {}, {}
for place = 1, #KEYS do
  local key = KEYS[place]
  local keep = seen[key]
  seen[key] = true
  if not keep and by_type then
    local is = redis.pcall('TYPE', key)
    if failed(is) then return refused(is, 'type') end
    keep = string.lower(is.ok) ~= kind
  end
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
    -- One byte more than the value: enough to compare, however long the string is. What is no string any more does not match.
    local got = redis.pcall('GETRANGE', key, 0, #value)
    local other = failed(got) and string.find(got.err, 'WRONGTYPE', 1, true)
    if failed(got) and not other then return refused(got, 'getrange') end
    keep = other or got ~= value
  end
  if not keep then
    keys[#keys + 1] = key
    places[#places + 1] = place
  end
end
