-- CL.THROTTLE: a rate limiter (GCRA) with the arithmetic of redis-cell, in microseconds in place of nanoseconds.
-- The key is a string: the time at which all that was let through is paid for, and it lives until then. The time is the
-- server's.
-- Bound: two reads, one write.
-- Checked before the write: that no number is beyond 2^53, that the rate is one that microseconds can tell, and that the key
-- holds an integer.
-- ARGV: 1 max burst, 2 count, 3 period in seconds, 4-5 quantity.

-- include reply.lua
-- include integer.lua

local MOST = 9007199254740991
-- redis-cell rounds up to the next second what has a whole millisecond beyond the second before.
local function seconds(us)
  local s = math.floor(us / 1000000)
  if us - s * 1000000 >= 1000 then s = s + 1 end
  return s
end

local burst, count, period = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local quantity = ARGV[4] == '1' and tonumber(ARGV[5]) or 1
if count == 0 or period == 0 then return redis.error_reply('ERR Zero rates are not supported') end
local limit = burst + 1
local interval = math.floor(period * 1000000 / count) -- between two at the rate
if interval < 1 then return redis.error_reply('ERR rates above one per microsecond are not supported') end
local tolerance = interval * limit
if period * 1000000 > MOST or tolerance > MOST then return too_large() end

local time = redis.pcall('TIME')
if failed(time) then return refused(time, 'time') end
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local stored = redis.pcall('GET', KEYS[1])
if failed(stored) then return refused(stored, 'get') end
local paid = now
if stored then
  local n, beyond = integer(stored)
  if beyond then return too_large() end
  if not n then return redis.error_reply('ERR value is not an integer or out of range') end
  paid = math.max(n, now)
end

-- What costs more than the whole tolerance never fits: there is no time after which to try again.
local limited, retry, left = 1, -1, paid - now
if quantity <= limit then
  local after = paid + interval * quantity
  if after > MOST then return too_large() end
  local wait = after - tolerance - now
  if wait > 0 then
    retry = seconds(wait)
  else
    limited, left = 0, after - now
    -- Quantity 0 only looks.
    if quantity > 0 then
      local done = redis.pcall('SET', KEYS[1], digits(after), 'PX', digits(math.ceil(left / 1000)))
      if failed(done) then return refused(done, 'set') end
    end
  end
end
return {limited, limit, math.max(math.floor((tolerance - left) / interval), 0), retry, seconds(left)}
